"""The ports of a stack: free ones, chosen at its first start and kept in `ports.json` for every later one."""

import json
import os
import random
import socket
from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import MalgilError

_FILE = "ports.json"
_LOWEST = 15_000
_ANY_HOST = "0.0.0.0"  # taken on one of the machine's addresses is taken
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def choose_ports(folder: Path, names: Sequence[str]) -> dict[str, int]:
    """A port for each name: the kept one, or a free one that is kept from now on."""
    ports = load_ports(folder)
    for name in names:
        if name not in ports:
            ports[name] = _find_free_port(taken=set(ports.values()))
    draft = folder / f"{_FILE}.draft"
    draft.write_text(json.dumps(ports, indent=1))
    os.replace(draft, folder / _FILE)
    return ports


def load_ports(folder: Path) -> dict[str, int]:
    """The ports that were chosen so far."""
    path = folder / _FILE
    return dict(json.loads(path.read_text())) if path.exists() else {}


def require_free_port(name: str, port: int, *, host: str, folder: Path) -> None:
    """Raises MalgilError when another process listens on a port that a daemon is about to take."""
    if not _is_free(port, host):
        raise MalgilError(
            f"port {port} ({name}) was free when this stack chose it and is now taken by another process: end that "
            f"process (ss -ltnp 'sport = :{port}' names it), or run down, remove {folder / _FILE} and start again"
        )


def _find_free_port(taken: set[int]) -> int:
    """Any free port below those that the kernel gives to outgoing connections: it stays free while a daemon is down."""
    below = int(_EPHEMERAL.read_text().split()[0])
    candidates = random.sample(range(_LOWEST, max(below, _LOWEST + 1_000)), k=1_000)
    for port in candidates:
        if port not in taken and _is_free(port, _ANY_HOST):
            return port
    raise MalgilError(f"no free port between {_LOWEST} and {below}: end what listens there")


def _is_free(port: int, host: str) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the daemons do: an old connection is no owner
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
