"""Daemons as processes: started apart from their starter, found again by whoever comes next, ended for sure.

A daemon's folder holds `pid`: its process id and the tick of the kernel's clock at which that process started. The
two name one process for good: an id that another process got since is not taken for the daemon. What it starts in
turn (MLflow's workers, YARN's containers) carries the stack's mark in its environment.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipelines.errors import MalgilError

MARK = "MALGIL_STACK"  # the environment variable with the stack's folder
LOG = "daemon.log"
_PID = "pid"
_POLL_S = 0.05
_KILL_S = 10.0


@dataclass(frozen=True)
class Process:
    """One process, told from a later one with the same id."""

    process_id: int
    started: int  # ticks since the machine's start
    session: int  # the id of the process that its session began with


def start_process(command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> None:
    """Start the command in the folder, in a session of its own, its output going to `daemon.log`.

    The new process writes its `pid` file itself, before it becomes the command. Until then it holds a copy of the
    starter's lock on the stack, even where the starter is dead: who gets the lock next finds the file.
    """
    with (folder / LOG).open("ab") as log:
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(_write_pid, folder / _PID),
        )


def find_process(folder: Path) -> Process | None:
    """The daemon that was started in the folder, if it still lives."""
    numbers = _read_pid(folder)
    process = _read_process(numbers[0]) if numbers else None
    return process if process and [process.process_id, process.started] == numbers else None


def find_family(folder: Path, mark: str) -> list[Process]:
    """The daemon of the folder and what works for it in its session; YARN's containers have sessions of their own.

    Those that outlived their daemon are among them.
    """
    leader, numbers = find_process(folder), _read_pid(folder)
    members = [process for process in find_marked(mark) if [process.session] == numbers[:1] and process != leader]
    return [leader, *members] if leader else members


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
        if _wait_until(lambda: not any(map(_is_alive, all_of_them)), timeout_s):
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


def _write_pid(path: Path) -> None:
    myself = _read_process(os.getpid())
    path.write_text(f"{myself.process_id} {myself.started}\n" if myself else "")


def _read_pid(folder: Path) -> list[int]:
    """Process id and start; nothing where nothing was started."""
    path = folder / _PID
    return [int(number) for number in path.read_text().split()] if path.exists() else []


def _read_process(process_id: int) -> Process | None:
    """The living process with this id; a zombie has ended."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text(errors="replace")
    except OSError:  # there is none
        return None
    fields = stat.rpartition(")")[2].split()  # what follows the name, which may hold blanks: from field 3, the state
    return None if fields[0] in "ZX" else Process(process_id, started=int(fields[19]), session=int(fields[3]))


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


def _wait_until(is_true: Callable[[], bool], timeout_s: float) -> bool:
    end = time.monotonic() + timeout_s
    while not is_true():
        if time.monotonic() > end:
            return False
        time.sleep(_POLL_S)
    return True
