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

from jobs.run_control import cancel_run
from pipelines.io.run_records import list_newest
from pipelines.io.store import Store
from tests.processes import kill_all, list_family

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


def cancel_when(process: subprocess.Popen[str], happens: Callable[[], bool], store: Store) -> None:
    """Cancel the store's newest run the moment that something happens: it says so, and nothing of it is left."""
    _wait(process, happens)
    *children, _ = list_family(process.pid)
    assert cancel_run(store, list_newest(store, 1)[0].run_id).status == "cancelled"
    output, shown = process.communicate(timeout=60)
    summary = json.loads(output.splitlines()[-1])
    assert (summary["status"], summary["error"]) == ("cancelled", "ended by a signal"), shown
    assert process.returncode != 0
    _await_gone(children)


def kill_when(process: subprocess.Popen[str], happens: Callable[[], bool]) -> None:
    """SIGKILL the door, Spark and every Python worker the moment that something happens."""
    _wait(process, happens)
    victims = list_family(process.pid)
    kill_all(victims)
    process.communicate()
    _await_gone(victims)


def _await_gone(processes: list[psutil.Process]) -> None:
    """Until none of them runs; one that nobody takes leave of stays in the list of processes."""
    deadline = time.monotonic() + 60
    while any(map(_runs, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _wait(process: subprocess.Popen[str], happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not happens():
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.02)
