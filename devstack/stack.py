"""A stack: the services of one folder, brought up, restarted, looked at and taken down as a whole or in part.

Whoever changes a stack holds a lock on its folder, which the kernel frees when they die. Everything else is found
again from what the daemons themselves left: their `pid` files and the mark in their containers' environments.
"""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from devstack.hadoop import client_conf
from devstack.java import lock_path
from devstack.launch import launch_daemon, wait_for_daemons
from devstack.ports import choose_ports, load_ports
from devstack.process import (
    LOG,
    end_processes,
    find_family,
    find_marked,
    find_process,
    forget_process,
    measure_memory_mib,
)
from devstack.service import Daemon, Place, Service
from devstack.services import SERVICES, all_ports, with_needs
from pipelines.errors import MalgilError
from pipelines.io.jars import fetch_jars

_STATE = "stack.json"
_PATIENCE_S = 15.0
_UNFIT = re.compile(r"[\s%:,;'\"\\]")
Report = Callable[[str], None]


@dataclass(frozen=True)
class DaemonStatus:
    """How a daemon is."""

    state: str  # ready, not ready (it runs but does not answer), stopped
    process_id: int | None
    memory_mib: float
    log: str


@dataclass(frozen=True)
class StackStatus:
    """How a stack is; `stack.json` in its folder holds the same, as it was after the last up or restart."""

    folder: str
    addresses: dict[str, str]  # of the services whose daemons are all ready
    hadoop_conf_dir: str
    daemons: dict[str, DaemonStatus]


def start_stack(folder: Path, names: Sequence[str], *, report: Report, timeout_s: float) -> StackStatus:
    """Start the services that do not run yet, and those they need; returns when every one answers.

    A daemon that an earlier, interrupted start left running is taken over. Raises MalgilError when a daemon ends or
    does not answer in time; what runs by then goes on running, for another start or for `stop_stack`.
    """
    if unfit := _UNFIT.search(str(folder)):
        raise MalgilError(f"{folder} holds {unfit[0]!r}, which HDFS cannot have in a path: choose another --folder")
    folder.mkdir(parents=True, exist_ok=True)
    with _hold(folder) as lock:
        place = Place(folder, choose_ports(folder, all_ports()))
        services = [SERVICES[name](place) for name in with_needs(names)]
        wanted = [(service, service.daemons) for service in services]
        _start(place, wanted, lock=lock, report=report, timeout_s=timeout_s)
        return _save_status(place)


def restart_daemons(folder: Path, name: str, *, report: Report, timeout_s: float) -> StackStatus:
    """End a daemon, or all daemons of a service, and start them on their data; returns when they answer."""
    with _hold(folder) as lock:
        place = _open_place(folder)
        service, daemons = _find(place, name)
        _end(place, daemons)
        _start(place, [(service, daemons)], lock=lock, report=report, timeout_s=timeout_s)
        return _save_status(place)


def stop_stack(folder: Path) -> int:
    """End every process of the stack, and what ran in it; returns how many there were.

    Data stay (Redis, topics, files, MLflow's runs); YARN's applications end.
    """
    if not folder.exists():
        return 0
    with _hold(folder):
        homes = [path.parent for path in folder.glob("*/pid")]
        daemons = [process for home in homes for process in find_family(home, str(folder))]
        end_processes(daemons, patience_s=_PATIENCE_S)
        rest = find_marked(str(folder))
        end_processes(rest, patience_s=0.0)
        for home in homes:
            forget_process(home)
            shutil.rmtree(home / "scratch", ignore_errors=True)
        (folder / _STATE).unlink(missing_ok=True)
        return len(daemons) + len(rest)


def read_status(folder: Path) -> StackStatus:
    """How the stack is now."""
    return _look(_open_place(folder))


def read_log(folder: Path, name: str, lines: int) -> str:
    """The last lines of a daemon's log, or of each of a service's."""
    _, daemons = _find(_open_place(folder), name)
    logs = [folder / daemon.name / LOG for daemon in daemons]
    return "\n".join(f"==> {log} <==\n{_tail(log, lines)}" for log in logs)


def _start(
    place: Place, wanted: Sequence[tuple[Service, Sequence[Daemon]]], *, lock: int, report: Report, timeout_s: float
) -> None:
    started = time.monotonic()
    for name in {service.lock for service, _ in wanted if service.lock}:
        fetch_jars(lock_path(name))
    for service, daemons in wanted:
        if not all(find_process(place.home(daemon.name)) for daemon in daemons):
            service.write_configuration()
            report(f"{service.name:<8} starting {', '.join(daemon.name for daemon in daemons)}")
        for daemon in daemons:
            launch_daemon(place, daemon, lock=lock)
    for service, daemons in wanted:
        wait_for_daemons(place, daemons, timeout_s=timeout_s)
        report(f"{service.name:<8} ready after {time.monotonic() - started:.1f} s")


def _end(place: Place, daemons: Sequence[Daemon]) -> None:
    families = (find_family(place.home(daemon.name), str(place.folder)) for daemon in daemons)
    end_processes([process for family in families for process in family], patience_s=_PATIENCE_S)


def _look(place: Place) -> StackStatus:
    services = [describe(place) for describe in SERVICES.values()]
    daemons = {daemon.name: _look_at(place, daemon) for service in services for daemon in service.daemons}
    ready = {name for name, status in daemons.items() if status.state == "ready"}
    addresses = {service.name: service.address for service in services if {d.name for d in service.daemons} <= ready}
    return StackStatus(str(place.folder), addresses, str(client_conf(place)), daemons)


def _look_at(place: Place, daemon: Daemon) -> DaemonStatus:
    home = place.home(daemon.name)
    process = find_process(home)
    if process is None:
        return DaemonStatus("stopped", None, 0.0, str(home / LOG))
    state = "ready" if daemon.is_ready() else "not ready"
    memory_mib = measure_memory_mib(find_family(home, str(place.folder)))
    return DaemonStatus(state, process.process_id, round(memory_mib, 1), str(home / LOG))


def _save_status(place: Place) -> StackStatus:
    status = _look(place)
    draft = place.folder / f"{_STATE}.draft"
    draft.write_text(json.dumps(asdict(status), indent=1, ensure_ascii=False), encoding="utf8")
    os.replace(draft, place.folder / _STATE)
    return status


def _open_place(folder: Path) -> Place:
    ports = load_ports(folder)
    if not set(all_ports()) <= set(ports):
        raise _no_stack(folder)
    return Place(folder, ports)


def _no_stack(folder: Path) -> MalgilError:
    return MalgilError(f"there is no stack in {folder}: expected one that was brought up there; run up first")


def _find(place: Place, name: str) -> tuple[Service, Sequence[Daemon]]:
    services = [describe(place) for describe in SERVICES.values()]
    for service in services:
        named = [daemon for daemon in service.daemons if name in (daemon.name, service.name)]
        if named:
            return service, named
    known = [daemon.name for service in services for daemon in service.daemons]
    raise MalgilError(f"expected a service ({', '.join(SERVICES)}) or a daemon ({', '.join(known)}), received {name!r}")


def _tail(log: Path, lines: int) -> str:
    text = log.read_text(encoding="utf8", errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


@contextmanager
def _hold(folder: Path) -> Iterator[int]:
    """The stack's lock: on the folder itself, so that no lock file is left, and gone with its last holder."""
    if not folder.is_dir():
        raise _no_stack(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
