"""One run at a time in each queue of this machine, by a file lock; on YARN queues are YARN's own."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jobs.submission import PROJECT

LOCKS = PROJECT / "var" / "locks"
_LOOK_EVERY_S = 0.5


@contextmanager
def turn_in_queue(queue: str, run_id: str, tell: Callable[[str], None], *, folder: Path = LOCKS) -> Iterator[None]:
    """Inside, no other run of this machine has the queue; until then it waits, and tells for which run.

    The lock goes with this process, however that ends. Who waits longest need not be the next.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"queue-{queue}").open("a+", encoding="utf8") as lock:
        _wait(lock, lambda holder: tell(f"{run_id} waits in queue {queue} for {holder}"))
        lock.truncate(0)
        lock.write(run_id)
        lock.flush()
        yield


def _wait(lock: IO[str], tell: Callable[[str], None]) -> None:
    told = ""
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read() or "a run that begins"
        if holder != told:
            told = holder
            tell(holder)
        time.sleep(_LOOK_EVERY_S)
