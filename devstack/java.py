"""The command lines of Java daemons, and the lock files of their jars."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import MalgilError

_LOCKS = Path(__file__).parent / "locks"
_SMALL = (  # a small heap collected by one thread, code compiled quickly: many daemons share few cores
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
)


def lock_path(name: str) -> Path:
    """The lock file of this name in the project."""
    return _LOCKS / f"{name}.lock"


def find_java_home() -> Path:
    """JAVA_HOME, or the home of the `java` on the PATH."""
    home = os.environ.get("JAVA_HOME")
    java = Path(home) / "bin" / "java" if home else shutil.which("java")
    if java is None or not Path(java).exists():
        raise MalgilError(f"no Java: expected {java or 'java on the PATH'}; install it: openjdk-17-jre-headless")
    return Path(java).resolve().parents[1]


def build_java_command(
    main: str, *arguments: str, heap_mib: int, class_path: Sequence[Path | str], scratch: Path, options: Sequence[str]
) -> tuple[str, ...]:
    """The command that runs the main class with a heap of at most `heap_mib`, its temporary files under `scratch`."""
    java = find_java_home() / "bin" / "java"
    temporary = f"-Djava.io.tmpdir={scratch}"
    classes = ":".join(map(str, class_path))
    return (str(java), f"-Xmx{heap_mib}m", *_SMALL, temporary, *options, "-cp", classes, main, *arguments)
