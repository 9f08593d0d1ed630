"""The nightly run through the door, on real parts: its result, and that a killed run ends as if it was not."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from pipelines.io.seen_runs import look_at_runs
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tracking import MlflowConfig, connect_mlflow
from tests.services.runs import cancel_when, kill_when, run_job, start_job
from tests.webhooks import Receiver

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
        "slots", "answers", "models", "sent_at", "predicted_at",
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


def test_the_run_is_one_of_mlflows_with_its_steps_nested(whole: dict[str, Any], folder: Path) -> None:
    found = find_runs(f"sqlite:///{folder}/whole/mlflow.db", f"tags.malgil_run = '{whole['run_id']}'")
    steps = {run.info.run_name: run for run in found if "mlflow.parentRunId" in run.data.tags}
    (run,) = (run for run in found if run.info.run_name == f"nightly-{whole['run_id']}")
    assert {run.info.status for run in found} == {"FINISHED"}
    assert set(steps) == {*STEPS, "report"}
    assert {step.data.tags["mlflow.parentRunId"] for step in steps.values()} == {run.info.run_id}
    assert steps["clean_messages"].data.metrics["clean"] == whole["clean_messages"]["clean"]
    assert steps["train_intent"].data.tags["mlflow_run"] == whole["train_intent"]["mlflow_run"]
    assert run.data.params["training.epochs"] == "4"
    assert f"versions/malgil-intent/{whole['train_intent']['version']}" in json.loads(run.data.tags["made"])


def find_runs(tracking_uri: str, condition: str) -> list[Any]:
    """Of jobs, in an MLflow."""
    client = connect_mlflow(MlflowConfig(tracking_uri)).client
    experiment = client.get_experiment_by_name(MlflowConfig.runs_experiment)
    return list(client.search_runs([experiment.experiment_id], condition)) if experiment else []


def test_others_are_told_of_the_run_and_of_its_promotion(whole: dict[str, Any], receiver: Receiver) -> None:
    told = [(event["kind"], event["model"], event["version"], event["reason"]) for event in receiver.events]
    decision = whole["evaluate_intent"]
    assert told == [
        ("started", None, None, None),
        ("promoted", "malgil-intent", decision["version"], decision["reason"]),
        ("succeeded", None, None, None),
    ]
    assert {event["run_id"] for event in receiver.events} == {whole["run_id"]}


def test_a_day_of_predictions_is_like_the_models_test_messages(whole: dict[str, Any], folder: Path) -> None:
    summary = run_job(folder / "whole", "drift")
    assert summary["predictions"] == whole["predict_batch"]["output"]
    assert (summary["version"], summary["is_large"]) == (whole["predict_batch"]["version"], False)
    assert summary["rows"] == whole["predict_batch"]["predictions"]
    assert summary["drift"].keys() == {"intent", "confidence", "out_of_scope"}


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
    cancel_when(start_job(killed), moments.pop("generate_messages"), Store(StoreConfig(str(store))))
    for moment in moments.values():
        kill_when(start_job(killed), moment)
        assert look_at_runs(Store(StoreConfig(str(store))), 1)[0].status == "lost"
    ended = run_job(killed)
    others = find_runs(f"sqlite:///{killed}/mlflow.db", f"tags.malgil_run != '{ended['run_id']}'")
    assert "KILLED" in {run.info.status for run in others}
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
