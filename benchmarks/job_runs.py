"""Jobs as a benchmark runs them: through the door, in a folder of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def locations(folder: Path) -> list[str]:
    """Everything that the jobs write, in a folder of the benchmark's own."""
    return [
        f"store.root={folder}/store", f"mlflow.tracking_uri=sqlite:///{folder}/mlflow.db",
        f"mlflow.artifact_root={folder}/artifacts", f"mlflow.cache={folder}/models",
    ]  # fmt: skip


def run_job(name: str, settings: Sequence[str]) -> dict[str, Any]:
    """The job's summary. Raises CalledProcessError where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "jobs", name, *settings], stdout=subprocess.PIPE, text=True, check=True
    )
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return summary
