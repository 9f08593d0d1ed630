"""Rates and memory of the whole pipeline at size: 1,650,000 generated messages, 450 intents, one epoch.

Runs the nightly job through the door in a store of its own and sums, twice a second, the memory of everything
that it started (PSS: pages that processes share count once). Goal: 8 GiB in all, on two cores.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig

PROJECT = Path(__file__).resolve().parents[2]
GOAL_GIB = 8.0
_SAMPLE_S = 0.5
_ROWS = {"generate_messages": "messages", "clean_messages": "read", "build_training_set": "rows",
         "predict_batch": "predictions"}  # fmt: skip


def measure_day(folder: Path, *, messages: int, intents: int) -> dict[str, Any]:
    """Seconds and rows a second of each step, and the most memory, of a run in this empty folder."""
    try:
        summary, peaks = _run_watched(_command(folder, messages, intents), folder)
    finally:
        embedded_redis.stop(EmbeddedRedisConfig(directory=f"{folder}/redis"))
    return _describe(summary, peaks)


def print_day(result: dict[str, Any]) -> None:
    print(f"{'step':<22}{'seconds':>10}{'rows':>12}{'rows/s':>10}")
    for step, numbers in result["steps"].items():
        print(f"{step:<22}{numbers['seconds']:>10,.1f}{numbers['rows'] or '':>12}{numbers['rows_per_s'] or '':>10}")
    peaks = ", ".join(f"{kind} {gib}" for kind, gib in result["peak_gib"].items())
    print(f"most memory (GiB): {peaks}; goal {result['goal_gib']} in all")


def _command(folder: Path, messages: int, intents: int) -> list[str]:
    return [
        sys.executable, "-m", "jobs", "nightly", f"store.root={folder}/store",
        f"mlflow.tracking_uri=sqlite:///{folder}/mlflow.db", f"mlflow.artifact_root={folder}/artifacts",
        f"mlflow.cache={folder}/cache", f"redis.embedded.directory={folder}/redis",
        "redis.embedded.max_memory=3gb", "training.epochs=1", "training.warm_up_epochs=0.1",
        f"generator.messages={messages}", f"generator.intents={intents}", "generator.day=2026-05-01",
    ]  # fmt: skip


def _run_watched(command: list[str], folder: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """The run's summary, and the most memory in bytes, in all and by kind of process."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True)
    peaks: dict[str, int] = {}
    while process.poll() is None:
        for kind, used in _memory_by_kind(process.pid, folder).items():
            peaks[kind] = max(peaks.get(kind, 0), used)
        time.sleep(_SAMPLE_S)
    output = process.stdout.read() if process.stdout else ""
    return json.loads(output.splitlines()[-1]), peaks


def _memory_by_kind(root: int, folder: Path) -> dict[str, int]:
    used = {"all": 0}
    family = psutil.Process(root).children(recursive=True)
    servers = [server for server in psutil.process_iter(["cwd"]) if server.info["cwd"] == f"{folder}/redis"]
    for member in {*family, *servers}:
        try:
            kind, size = member.name(), member.memory_full_info().pss
        except psutil.Error:
            continue  # it ended meanwhile
        used[kind] = used.get(kind, 0) + size
        used["all"] += size
    return used


def _describe(summary: dict[str, Any], peaks: dict[str, int]) -> dict[str, Any]:
    if summary["status"] != "succeeded":
        raise SystemExit(f"the run failed: {summary['error']}")
    steps = {}
    for step, seconds in summary["seconds"].items():
        rows = summary[step].get(_ROWS.get(step, "")) if isinstance(summary[step], dict) else None
        rows = sum(rows.values()) if isinstance(rows, dict) else rows
        steps[step] = {"seconds": seconds, "rows": rows, "rows_per_s": round(rows / seconds) if rows else None}
    training = summary["train_intent"]
    steps["train_intent"] |= {
        "rows": summary["build_training_set"]["rows"]["train"],
        "rows_per_s": training["rows_per_s"],
    }
    memory = {kind: round(used / 2**30, 2) for kind, used in sorted(peaks.items())}
    return {
        "steps": steps,
        "peak_gib": memory,
        "goal_gib": GOAL_GIB,
        "test_accuracy": training["metrics"]["test_accuracy"],
    }
