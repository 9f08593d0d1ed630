"""How a job is stopped from outside: by a signal to its driver, which ends any job but a live one where it is.

A live job may finish its work for a stop, by a signal or by the door's stop file. The door makes a file because its
signal would reach Spark as well, which ends in the middle; and a driver on a node gets no signal of the shell's at all.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, Timer

from models.files import file_exists, write_bytes

STOP_FILE = "MALGIL_STOP"  # environment variable with the file's path or URL
BY_SIGNAL = "ended by a signal"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class RunCancelled(BaseException):
    """The run is to end; no error, so that nothing on the way takes it for one and goes on."""


@contextmanager
def ended_by_signals(cancel_work: Callable[[], None] | None = None) -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM and SIGINT raise RunCancelled in the main thread; a second one ends the process at once.

    `cancel_work` is called beside it, in a thread of its own. Yields what says whether a signal came: what was going on
    may fail in its own way when its work is cancelled.
    """
    asked = Event()

    def end(*_: object) -> None:
        asked.set()
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        if cancel_work:
            Thread(target=cancel_work, daemon=True).start()
        raise RunCancelled

    before = [signal.signal(number, end) for number in _SIGNALS]
    try:
        yield asked.is_set
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def watched_for_end(end: Callable[[], None], *, time_limit_s: float) -> Iterator[Callable[[], str]]:
    """Inside, a signal to this process, or the time limit's end, calls `end`; 0 is no limit.

    Yields what says why it was called; empty where it was not.
    """
    reasons: list[str] = []

    def call(reason: str) -> None:
        reasons.append(reason)
        end()

    timer = Timer(time_limit_s, call, [f"its time limit of {time_limit_s:g} s was over"])
    timer.daemon = True
    before = [signal.signal(number, lambda *_: call(BY_SIGNAL)) for number in _SIGNALS]
    if time_limit_s:
        timer.start()
    try:
        yield lambda: next(iter(reasons), "")
    finally:
        timer.cancel()
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM and SIGINT end nothing; what it yields says whether one came, or whether the file is there."""
    asked = Event()
    before = [signal.signal(number, lambda *_: asked.set()) for number in _SIGNALS]
    url = os.environ.get(STOP_FILE)
    try:
        yield lambda: asked.is_set() or (url is not None and file_exists(url))
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)


def ask_to_stop(url: str) -> bool:
    """Make the stop file; False where it is there already: who asks again wants an end at once."""
    if file_exists(url):
        return False
    write_bytes(url, b"")
    return True
