"""The nightly run through the door, on real parts: its result, and that a killed run ends as if it was not."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig

PROJECT = Path(__file__).resolve().parents[2]
STEPS = ("generate_messages", "clean_messages", "build_training_set", "train_intent", "evaluate_intent", "predict_batch")


def _overrides(folder: Path) -> list[str]:
    return [
        f"store.root={folder}/store",
        f"mlflow.tracking_uri=sqlite:///{folder}/mlflow.db",
        f"mlflow.artifact_root={folder}/artifacts",
        f"mlflow.cache={folder}/cache",
        f"redis.embedded.directory={folder}/redis",
        "generator.messages=4000", "generator.intents=8", "generator.day=2026-05-01",
        "training.epochs=4", "training.batch_size=64", "training_set.min_shards=4",
    ]  # fmt: skip


def _start(folder: Path, job: str = "nightly", *more: str) -> subprocess.Popen[str]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "jobs", job, *_overrides(folder), *more]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _run(folder: Path, job: str = "nightly", *more: str) -> dict[str, Any]:
    process = _start(folder, job, *more)
    output, shown = process.communicate(timeout=600)
    summary: dict[str, Any] = json.loads(output.splitlines()[-1])
    assert (process.returncode == 0) == (summary["status"] == "succeeded"), shown
    return summary


def _kill_when(process: subprocess.Popen[str], happens: Callable[[], bool]) -> None:
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("nightly")
    yield path
    for config in (EmbeddedRedisConfig(directory=str(path / name / "redis")) for name in ("whole", "killed")):
        embedded_redis.stop(config)


@pytest.fixture(scope="module")
def whole(folder: Path) -> dict[str, Any]:
    """The summary of a run that nothing disturbed."""
    return _run(folder / "whole")


def test_summary_holds_every_steps_keys(whole: dict[str, Any]) -> None:
    clean, training = whole["clean_messages"], whole["train_intent"]
    assert whole["status"] == "succeeded"
    assert clean["read"] == 4000 == clean["clean"] + sum(clean["rejected"].values())
    assert set(whole["build_training_set"]["rows"]) == {"train", "validation", "test"}
    assert training["metrics"]["test_rows"] == whole["build_training_set"]["rows"]["test"]
    assert training["metrics"]["test_accuracy"] > 0.5
    assert whole["promoted"] is True
    assert set(STEPS) <= set(whole["seconds"])
    assert Path(whole["report"].removeprefix("file://")).read_text(encoding="utf8").startswith("<!doctype html>")


def test_front_end_reads_every_prediction_from_redis(whole: dict[str, Any]) -> None:
    client = redis.Redis.from_url(whole["predict_batch"]["redis"])
    keys = list(client.scan_iter("malgil:prediction:*", count=1000))
    prediction = json.loads(client.get(keys[0]))  # type: ignore[arg-type]
    assert len(keys) == whole["predict_batch"]["predictions"]
    assert set(prediction) == {
        "message_id", "room_id", "bot_id", "intent", "confidence", "top", "is_out_of_scope", "replies", "models",
        "sent_at", "predicted_at",
    }  # fmt: skip
    assert client.xlen(f"malgil:room:{prediction['room_id']}") > 0
    assert 0 < client.ttl(keys[0]) <= 7 * 24 * 3600


def test_second_run_finds_every_step_done(whole: dict[str, Any], folder: Path) -> None:
    again = _run(folder / "whole")
    assert [step for step in STEPS if not again[step]["skipped"]] == []
    assert again["train_intent"]["version"] == whole["train_intent"]["version"]


def test_run_that_was_killed_at_every_step_ends_like_one_that_was_not(whole: dict[str, Any], folder: Path) -> None:
    killed, store = folder / "killed", folder / "killed" / "store"
    moments: dict[str, Callable[[], bool]] = {
        "generate_messages": lambda: any(store.glob("raw/.*.draft")),
        "clean_messages": lambda: any(store.glob("clean/.*.draft/staged/*")),
        "build_training_set": lambda: any(store.glob("snapshots/.*.draft/tokens/*")),
        "train_intent": lambda: any(store.glob("checkpoints/*/epoch-*")),
        "predict_batch": lambda: any(store.glob("predictions/.*.draft/*")),
    }
    for moment in moments.values():
        _kill_when(_start(killed), moment)
    ended = _run(killed)
    done_before = [step for step in STEPS if ended[step]["skipped"]]
    assert done_before == [step for step in STEPS if step != "predict_batch"]
    for step, keys in {
        "clean_messages": ("read", "clean", "rejected"),
        "build_training_set": ("snapshot", "rows"),
        "predict_batch": ("predictions",),
    }.items():
        assert {key: ended[step][key] for key in keys} == {key: whole[step][key] for key in keys}
    accuracy = [run["train_intent"]["metrics"]["test_accuracy"] for run in (ended, whole)]
    assert accuracy[0] == pytest.approx(accuracy[1], abs=0.02)


def test_failure_is_one_line_with_the_exit_code(folder: Path) -> None:
    summary = _run(folder / "failing", "clean_messages", f"input.path={folder}/nothing.jsonl")
    assert summary["status"] == "failed"
    assert summary["error"].startswith("input.path: expected files, found none at")
