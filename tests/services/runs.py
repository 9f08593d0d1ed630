"""Whole runs through the door, each in a folder of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[2]


def run_settings(folder: Path) -> list[str]:
    return [
        f"store.root={folder}/store",
        f"mlflow.tracking_uri=sqlite:///{folder}/mlflow.db",
        f"mlflow.artifact_root={folder}/artifacts",
        f"mlflow.cache={folder}/cache",
        f"redis.embedded.directory={folder}/redis",
        "generator.messages=4000", "generator.intents=8", "generator.day=2026-05-01",
        "training.epochs=4", "training.batch_size=64", "training_set.min_shards=4",
    ]  # fmt: skip


def start_job(folder: Path, job: str = "nightly", *more: str) -> subprocess.Popen[str]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "jobs", job, *run_settings(folder), *more]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run_job(folder: Path, job: str = "nightly", *more: str) -> dict[str, Any]:
    process = start_job(folder, job, *more)
    output, shown = process.communicate(timeout=600)
    summary: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert (process.returncode == 0) == (summary["status"] == "succeeded"), shown
    return summary


def kill_when(process: subprocess.Popen[str], happens: Callable[[], bool]) -> None:
    """SIGKILL the door, Spark and every Python worker the moment that something happens."""
    deadline = time.monotonic() + 300
    while not happens():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    door = psutil.Process(process.pid)
    for victim in [*door.children(recursive=True), door]:
        if victim.is_running() and "redis-server" not in victim.name():
            victim.kill()
    process.communicate()
