"""Jobs through the door, as a benchmark's steps."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]


def run_job(name: str, *settings: str) -> dict[str, Any]:
    """The job's summary; a job that fails ends the benchmark with its error."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "jobs", name, *settings]
    ended = subprocess.run(command, check=False, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    summary: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    if ended.returncode:
        raise SystemExit(summary["error"])
    return summary
