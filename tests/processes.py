"""Processes below another one, which come and go while one looks at them."""

from collections.abc import Iterable
from contextlib import suppress

import psutil


def list_family(pid: int) -> list[psutil.Process]:
    """All processes below this one and itself last, without Redis, which outlives a run."""
    root = psutil.Process(pid)
    return [one for one in [*root.children(recursive=True), root] if not _is_redis(one)]


def kill_all(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL to those that still run."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _is_redis(process: psutil.Process) -> bool:
    try:
        return "redis-server" in process.name()
    except psutil.NoSuchProcess:  # it ended meanwhile
        return False
