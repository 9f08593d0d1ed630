"""The process that a run's driver is: noted in the run's record, found again, ended."""

import os
import socket
from dataclasses import dataclass

import psutil

from pipelines.errors import MalgilError

_SAME_START_S = 1.0  # the time of a process's start is reckoned from the machine's, and may differ a little


@dataclass(frozen=True)
class DriverProcess:
    """A process of a machine; its start tells it from a later one of the same number."""

    host: str
    pid: int
    started_at: float  # seconds since 1970

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, one of this machine."""
        return self.host == socket.gethostname()


def this_process() -> DriverProcess:
    return DriverProcess(socket.gethostname(), os.getpid(), psutil.Process().create_time())


def is_alive(process: DriverProcess) -> bool | None:
    """Whether it still runs; None of another machine's, which cannot be looked at from here."""
    return _find(process) is not None if process.is_here else None


def end_process(process: DriverProcess, *, patience_s: float) -> bool:
    """End it by SIGTERM, and by SIGKILL where it is still there after `patience_s`; False where it had ended before.

    Raises MalgilError for one of another machine, or of another user.
    """
    if not process.is_here:
        raise MalgilError(f"process {process.pid} runs on {process.host}; run the command there, or end it by YARN")
    found = _find(process)
    if found is None:
        return False
    try:
        found.terminate()
        _, alive = psutil.wait_procs([found], timeout=patience_s)
        for one in alive:
            one.kill()
        psutil.wait_procs(alive)
    except psutil.AccessDenied as error:
        raise MalgilError(f"process {process.pid} belongs to another user; ask them, or be them") from error
    return True


def _find(process: DriverProcess) -> psutil.Process | None:
    try:
        found = psutil.Process(process.pid)
        is_it = abs(found.create_time() - process.started_at) < _SAME_START_S
        return found if is_it and found.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
