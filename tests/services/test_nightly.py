"""The nightly run through the door, on real parts: its result, and that a killed run ends as if it was not."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.services.runs import kill_when, run_job, start_job

STEPS = (
    "generate_messages",
    "clean_messages",
    "build_training_set",
    "train_intent",
    "evaluate_intent",
    "predict_batch",
)


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
        "message_id", "room_id", "bot_id", "intent", "confidence", "top", "labels", "is_out_of_scope", "replies",
        "models", "sent_at", "predicted_at",
    }  # fmt: skip
    assert client.xlen(f"malgil:room:{prediction['room_id']}") > 0
    assert 0 < client.ttl(keys[0]) <= 7 * 24 * 3600


def test_a_prediction_is_traced_to_its_model_code_and_raw_file(whole: dict[str, Any], folder: Path) -> None:
    client = redis.Redis.from_url(whole["predict_batch"]["redis"], decode_responses=True)
    message_id = next(client.scan_iter("malgil:prediction:*")).removeprefix("malgil:prediction:")

    traced = run_job(folder / "whole", "trace", message_id)

    version = f"malgil-intent/{whole['train_intent']['version']}"
    made_from = {one["output"]: one["made_from"] for one in traced["outputs"]}
    snapshot, clean = (
        made_from[f"versions/{version}"][0],
        made_from[f"snapshots/{whole['train_intent']['snapshot']}"][0],
    )
    assert traced["models"] == {"intent": version}
    assert snapshot == f"snapshots/{whole['train_intent']['snapshot']}"
    assert [kind.partition("/")[0] for kind in (clean, *made_from[clean])] == ["clean", "raw"]
    assert traced["predicted_by"] == whole["run_id"]
    assert {one["run"] for one in traced["outputs"]} == {whole["run_id"]}
    run = traced["runs"][whole["run_id"]]
    assert (run["job"], run["status"], run["settings"]["training"]["epochs"]) == ("nightly", "succeeded", 4)
    with gzip.open(traced["message"]["file"].removeprefix("file:"), "rt", encoding="utf8", errors="replace") as lines:
        assert any(message_id in line for line in lines)


def test_second_run_finds_every_step_done(whole: dict[str, Any], folder: Path) -> None:
    again = run_job(folder / "whole")
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
        kill_when(start_job(killed), moment)
    ended = run_job(killed)
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
    summary = run_job(folder / "failing", "clean_messages", f"input.path={folder}/nothing.jsonl")
    assert summary["status"] == "failed"
    assert summary["error"].startswith("input.path: expected files, found none at")


def test_another_task_trains_a_model_of_its_own_and_predicts_no_intents(whole: dict[str, Any], folder: Path) -> None:
    summary = run_job(folder / "whole", "nightly", "task=complaint")
    assert summary["train_intent"]["model"] == "malgil-complaint"
    assert summary["build_training_set"]["intents"] == 2
    assert summary["train_intent"]["metrics"]["test_macro_f1"] > 0.6
    assert summary["promoted"] is True
    assert "predict_batch" not in summary
