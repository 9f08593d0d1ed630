"""Looking at something again and again: while other work goes on, or until it is so."""

import time
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


def wait_until(is_true: Callable[[], bool], timeout_s: float, *, every_s: float = 0.02) -> bool:
    """Whether it became true within the time; it is asked once at least."""
    end = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(every_s)
    return True
