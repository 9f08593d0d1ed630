"""Daemons as processes: started apart from their starter, found again by whoever comes next, ended for sure.

A daemon's folder holds `pid`, its line of /proc: process id and the tick of the kernel's clock at which the process
started. The two name one process for good: an id that another process got since is not taken for the daemon. What it
starts in turn (MLflow's workers, YARN's containers) carries the stack's mark in its environment.
"""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import MalgilError
from pipelines.polling import wait_until

MARK = "MALGIL_STACK"  # the environment variable with the stack's folder
LOG = "daemon.log"
_PID = "pid"
_BECOME = f'cat /proc/$$/stat > {_PID} && exec "$@" < /dev/null'  # its input was the lock
_KILL_S = 10.0
_WRITE_S = 10.0  # a `pid` file


@dataclass(frozen=True)
class Process:
    """One process, told from a later one with the same id."""

    process_id: int
    started: int  # ticks since the machine's start
    session: int  # the id of the process that its session began with


def start_process(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], lock: int) -> None:
    """Start the command in the folder, in a session of its own, its output going to a new `daemon.log`.

    The new process writes its `pid` file itself, before it becomes the command. Until then it keeps the lock (a
    descriptor that the starter holds a lock by), even where the starter dies: who gets it next finds the file.
    """
    if (folder / LOG).exists():
        (folder / LOG).replace(folder / f"{LOG}.before")  # why the one before ended
    with (folder / LOG).open("wb") as log:
        starting = subprocess.Popen(
            ("/bin/sh", "-c", _BECOME, "sh", *command),
            cwd=folder,
            env={**os.environ, **environment},
            stdin=lock,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = _read_process(starting.pid)
    wait_until(lambda: process is None or _read_pid(folder) == process or not _is_alive(process), _WRITE_S)


def find_process(folder: Path) -> Process | None:
    """The daemon that was started in the folder, if it still lives."""
    process = _read_pid(folder)
    return process if process and _is_alive(process) else None


def find_family(folder: Path, mark: str) -> list[Process]:
    """The daemon of the folder and what works for it in its session; YARN's containers have sessions of their own.

    Those that outlived their daemon are among them.
    """
    leader = _read_pid(folder)
    if leader is None:
        return []
    rest = [process for process in find_marked(mark) if process.session == leader.session and process != leader]
    return [leader, *rest] if _is_alive(leader) else rest


def find_marked(mark: str) -> list[Process]:
    """All processes with this mark in their environment; a daemon that renames itself (Redis) loses it."""
    wanted = f"{MARK}={mark}".encode()
    process_ids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    processes = filter(None, map(_read_process, process_ids))
    return [process for process in processes if wanted in _read(process, "environ").split(b"\0")]


def end_processes(processes: Iterable[Process], *, patience_s: float) -> None:
    """End them: asked first, killed after `patience_s`.

    Raises MalgilError when one is still there after that.
    """
    all_of_them = tuple(processes)
    for number, timeout_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, _KILL_S)):
        for process in filter(_is_alive, all_of_them):
            _send(process, number)
        if wait_until(lambda: not any(map(_is_alive, all_of_them)), timeout_s):
            return
    stuck = ", ".join(str(process.process_id) for process in filter(_is_alive, all_of_them))
    raise MalgilError(f"processes {stuck} do not end: expected them to die of SIGKILL; end them by hand")


def forget_process(folder: Path) -> None:
    """Remove the trace of a process that has ended."""
    (folder / _PID).unlink(missing_ok=True)


def measure_memory_mib(processes: Iterable[Process]) -> float:
    """Their memory as PSS: a page that several share counts once."""
    rollups = (_read(process, "smaps_rollup").split() for process in processes)
    return sum(int(words[words.index(b"Pss:") + 1]) for words in rollups if words) / 1024


def _read_pid(folder: Path) -> Process | None:
    """The process that was last started in the folder, whether it lives or not."""
    path = folder / _PID
    return _parse_stat(path.read_text(errors="replace")) if path.exists() else None


def _read_process(process_id: int) -> Process | None:
    """The living process with this id."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text(errors="replace")
    except OSError:  # there is none
        return None
    return _parse_stat(stat)


def _parse_stat(stat: str) -> Process | None:
    """The process of a line of /proc; None of a zombie, which has ended, and of a line that was cut short."""
    fields = stat.rpartition(")")[2].split()  # what follows the name, which may hold blanks: from field 3, the state
    is_process = len(fields) > 19 and fields[0] not in "ZX"
    return Process(int(stat.split()[0]), int(fields[19]), int(fields[3])) if is_process else None


def _is_alive(process: Process) -> bool:
    return _read_process(process.process_id) == process


def _read(process: Process, name: str) -> bytes:
    """A file of the process in /proc; empty where it has ended, or is another user's."""
    try:
        return Path(f"/proc/{process.process_id}/{name}").read_bytes()
    except OSError:
        return b""


def _send(process: Process, number: signal.Signals) -> None:
    try:
        os.kill(process.process_id, number)
    except ProcessLookupError:  # it ended by itself
        return
