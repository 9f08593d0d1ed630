"""Looking at something again and again while other work goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def polling(look: Callable[[], object], *, every_s: float, name: str, at_end: bool = False) -> Iterator[None]:
    """Inside, a thread of this name calls `look` every so many seconds, until it answers True.

    `at_end`: once more when the block ends. The block waits for a look that has begun.
    """
    over = Event()

    def poll() -> None:
        is_over = False
        while not is_over:
            is_over = over.wait(every_s)
            if (at_end or not is_over) and look() is True:
                return

    thread = Thread(target=poll, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
