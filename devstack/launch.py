"""Starting a stack's daemons, and waiting until they answer."""

import re
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from devstack.ports import require_free_port
from devstack.process import LOG, MARK, end_processes, find_family, find_process, start_process
from devstack.service import Daemon, Place
from pipelines.errors import MalgilError

_POLL_S = 0.1
_UTF8 = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}  # file names and YARN's containers do not depend on who starts
_TELLS_WHY = re.compile("ERROR|FATAL|Error|Exception")


def launch_daemon(place: Place, daemon: Daemon, *, lock: int) -> None:
    """Start the daemon where it does not run; `lock` is the descriptor by which the caller holds the stack.

    Raises MalgilError when another process has one of its ports.
    """
    home = place.home(daemon.name)
    if find_process(home):
        return
    end_processes(find_family(home, str(place.folder)), patience_s=0.0)  # what outlived a daemon that was killed
    place.scratch(daemon.name).mkdir(parents=True, exist_ok=True)
    for port in daemon.ports:
        require_free_port(port, place.ports[port], host=daemon.host, folder=place.folder)
    environment = {MARK: str(place.folder), **_UTF8, **daemon.environment}
    start_process(_build_command(daemon, home), folder=home, environment=environment, lock=lock)


def wait_for_daemons(place: Place, daemons: Sequence[Daemon], *, timeout_s: float) -> None:
    """Return when each answers.

    Raises MalgilError when one ended or does not answer in time.
    """
    end = time.monotonic() + timeout_s
    left = list(daemons)
    while left:
        for daemon in left:
            _require_running(place, daemon)
        left = [daemon for daemon in left if not daemon.is_ready()]
        if left and time.monotonic() > end:
            raise MalgilError(
                f"{left[0].name} does not answer after {timeout_s:.0f} s; {_describe_log(place, left[0])}"
            )
        time.sleep(_POLL_S if left else 0)


def _require_running(place: Place, daemon: Daemon) -> None:
    if find_process(place.home(daemon.name)) is None:
        raise MalgilError(f"{daemon.name} ended before it answered; {_describe_log(place, daemon)}")


def _describe_log(place: Place, daemon: Daemon) -> str:
    """The log's last error, or its last line, and where it is."""
    log = place.home(daemon.name) / LOG
    lines = [line for line in log.read_text(encoding="utf8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if _TELLS_WHY.search(line)]
    last = (errors or lines or ["(empty)"])[-1].strip()
    return f"its log says: {last}; see {log}"


def _build_command(daemon: Daemon, home: Path) -> Sequence[str]:
    """The daemon's command; the first time behind what must be done once."""
    done = home / "formatted"
    if not daemon.first or done.exists():
        return daemon.command
    once = f"{shlex.join(daemon.first)} && touch {shlex.quote(str(done))}"
    return ("/bin/sh", "-c", f"{once} && exec {shlex.join(daemon.command)}")
