"""A stop that a job may finish its work for: by a signal to its driver, or by the door's stop file."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

STOP_FILE = "MALGIL_STOP"  # environment variable with the path; the door makes the file when it gets a signal


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM and SIGINT end nothing; what it yields says whether one came, or whether the file is there."""
    asked = Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: asked.set()) for number in numbers]
    file = os.environ.get(STOP_FILE)
    try:
        yield lambda: asked.is_set() or (file is not None and Path(file).exists())
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
