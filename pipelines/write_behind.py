"""Writing in a thread of its own, while the next of what is to be written is being made."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def write_behind(items: Iterable[Item], write: Callable[[Item], Answer]) -> Iterator[tuple[Item, Answer]]:
    """Each item with what `write` answered, in order; it is written while the next one is made.

    Guarantee: one is written at a time, and comes out when it is. What `items` or `write` raises is raised here; those
    before it are written, and none behind it.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="write-behind") as thread:
        before: tuple[Item, Future[Answer]] | None = None
        for item in items:
            if before:
                yield before[0], before[1].result()
            before = item, thread.submit(write, item)
        if before:
            yield before[0], before[1].result()
