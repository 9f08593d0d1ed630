"""A program under measurement, as a process: waited for, weighed, and ended."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipelines.io.session import PROJECT

_MIB = 2**20


class Measured:
    """A running module of ours; `measured` makes one."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    def wait(self, happens: Callable[[], bool], *, within_s: float, every_s: float = 0.05) -> None:
        """Until it happens; an error with the end of its log where it does not, or where the process ends."""
        deadline = time.monotonic() + within_s
        while not happens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"nothing within {within_s:g} s, or it ended: {self.shown[-3000:]}")
            time.sleep(every_s)

    @property
    def shown(self) -> str:
        return self._log.read_text(encoding="utf8")

    def weigh(self) -> dict[str, float]:
        """MiB of its JVM, of all its Python, and of both: PSS, so that pages which processes share count once."""
        root = psutil.Process(self._process.pid)
        used = {"java": 0.0, "python": 0.0}
        for member in [root, *root.children(recursive=True)]:
            try:
                kind, size = member.name(), member.memory_full_info().pss / _MIB
            except psutil.Error:
                continue  # it ended meanwhile
            used["java" if kind == "java" else "python"] += size
        return {**used, "all": sum(used.values())}

    def cpu_seconds(self) -> float:
        """Of the processes that it has now."""
        root = psutil.Process(self._process.pid)
        times = [member.cpu_times() for member in [root, *root.children(recursive=True)]]
        return float(sum(spent.user + spent.system for spent in times))


@contextmanager
def measured(module: Sequence[str], log: Path, *, python: str = sys.executable) -> Iterator[Measured]:
    """`python -m` these words; it gets SIGTERM when the block ends, and the block waits for its end.

    Another `python` finds our packages as well.
    """
    packages = [str(PROJECT)] if python == sys.executable else [str(PROJECT), sysconfig.get_path("purelib")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(packages)}
    with log.open("wb") as output:
        process = subprocess.Popen([python, "-m", *module], cwd=PROJECT, env=environment, stdout=output, stderr=output)
    try:
        yield Measured(process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)
