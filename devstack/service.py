"""What a stack is made of: a place on disk and in the port space, services, and the daemons of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """Where a stack lives: its folder, its daemons' folders in it, and its ports by name."""

    folder: Path
    ports: Mapping[str, int]

    def home(self, daemon: str) -> Path:
        return self.folder / daemon

    def scratch(self, daemon: str) -> Path:
        """Of a daemon, what goes when the stack goes down."""
        return self.home(daemon) / "scratch"

    def address(self, port: str, host: str = HOST) -> str:
        return f"{host}:{self.ports[port]}"


@dataclass(frozen=True)
class Daemon:
    """One process: its command, the ports it takes, and how one knows that it answers."""

    name: str
    command: tuple[str, ...]
    ports: tuple[str, ...]  # names of the place's ports
    is_ready: Callable[[], bool]
    host: str = HOST
    environment: Mapping[str, str] = field(default_factory=dict)
    first: tuple[str, ...] = ()  # run to its end before the very first start: formatting a disk


@dataclass(frozen=True)
class Service:
    """Daemons that do one thing together."""

    name: str
    address: str
    daemons: tuple[Daemon, ...]
    write_configuration: Callable[[], None]
    lock: str = ""  # the lock file of its jars
