"""A stop that a job may finish its work for: by a signal to its driver, or by the door's stop file.

The door makes a file because its signal would reach Spark as well, which ends in the middle; and a driver on a node
gets no signal of the shell's at all.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from models.files import file_exists, write_bytes

STOP_FILE = "MALGIL_STOP"  # environment variable with the file's path or URL


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM and SIGINT end nothing; what it yields says whether one came, or whether the file is there."""
    asked = Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: asked.set()) for number in numbers]
    url = os.environ.get(STOP_FILE)
    try:
        yield lambda: asked.is_set() or (url is not None and file_exists(url))
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def ask_to_stop(url: str) -> bool:
    """Make the stop file; False where it is there already: who asks again wants an end at once."""
    if file_exists(url):
        return False
    write_bytes(url, b"")
    return True
