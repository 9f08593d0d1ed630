"""What the driver holds while the steps run over more and more rows: it must stay flat."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.scale.executors import run_process

EXECUTORS = 2
SETTINGS = (f"training.ranks={EXECUTORS}", "training.epochs=1", "training.warm_up_epochs=0.1")
_FULL_COLLECTION = re.compile(r"Pause Full .* \d+M->(\d+)M")


def measure_driver(raw: Mapping[int, str], folder: Path) -> dict[str, Any]:
    """By number of messages: the most that its JVM held after a full collection, and the peak of its Python."""
    found = {}
    for messages, path in raw.items():
        own = folder / f"driver-{messages}"
        command = ["--executors", str(EXECUTORS), "--input", path, "--watch-driver"]
        result = run_process(command, own, SETTINGS)
        held = [int(mib) for mib in _FULL_COLLECTION.findall((own / "gc.log").read_text(encoding="utf8"))]
        found[str(messages)] = {"jvm_mib": max(held), "python_mib": result["driver_python_mib"]}
    return found


def print_driver(result: dict[str, Any]) -> None:
    print(f"{'messages':<12}{'driver JVM MiB':>16}{'driver Python MiB':>20}")
    for messages, found in result.items():
        print(f"{int(messages):<12,}{found['jvm_mib']:>16,}{found['python_mib']:>20,}")
