"""Runs of jobs in MLflow, a real one on SQLite: as the store knows them, also those that could not tell it."""

import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from pipelines.io.progress import Progress
from pipelines.io.run_records import RunRecord, begin_record, end_record, read_record
from pipelines.io.run_reporter import UNTOLD, told_to_mlflow
from pipelines.io.store import Maker, Store, StoreConfig
from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow

SETTINGS = {
    "training": {"epochs": 3},
    "redis": {"url": "redis://me:secret@host/0"},
    "intents": {"환불*": "a"},
}


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """One for the module: making its tables takes seconds."""
    root = tmp_path_factory.mktemp("mlflow")
    return connect_mlflow(MlflowConfig(f"sqlite:///{root}/mlflow.db", f"{root}/artifacts"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(str(tmp_path)))


@contextmanager
def going(
    store: Store, config: MlflowConfig, run_id: str, summary: Mapping[str, Any] | None
) -> Iterator[tuple[RunRecord, Progress]]:
    """A run of two steps, which ends with the summary; without one, it is killed."""
    maker, progress = Maker("nightly", run_id, datetime.now(timezone.utc).isoformat()), Progress(None, io.StringIO())
    record = begin_record(store, maker, settings=SETTINGS, application="application_1_1")
    with told_to_mlflow(store, record, config, progress, has_steps=True):
        with progress.step("clean_messages"):
            pass
        progress.finish("clean_messages", 2.0, {"read": 100, "output": "clean/c1", "seconds": 2.0})
        with progress.step("train_intent") as step:
            step.update(30, 120)
            yield record, progress
        if summary is not None:
            progress.finish("train_intent", 1.0, {"version": "3", "metrics": {"test_accuracy": 0.5}})
            end_record(store, record, summary, ended_at=datetime.now(timezone.utc))


def look(tracking: Tracking, run_id: str) -> dict[str, Any]:
    """The run and its steps, by the names that they have in MLflow."""
    experiment = tracking.client.get_experiment_by_name("malgil-runs")
    if experiment is None:
        return {}
    found = tracking.client.search_runs([experiment.experiment_id], f"tags.malgil_run = '{run_id}'")
    return {run.info.run_name: run for run in found}


def waiting(store: Store) -> list[str]:
    return store.list_names(UNTOLD, "nightly")


def test_a_run_is_one_of_mlflows_with_its_steps_nested(tracking: Tracking, store: Store) -> None:
    with going(store, tracking.config, "r1", {"status": "succeeded", "promoted": True}) as (record, _):
        store.made_from(clean=["c1"]).publish("snapshots", "s1", lambda _: {})
        wait_for(lambda: (step := look(tracking, "r1").get("train_intent")) and step.data.metrics)
        seen = look(tracking, "r1")
        assert {name: run.info.status for name, run in seen.items()} == {
            "nightly-r1": "RUNNING", "clean_messages": "FINISHED", "train_intent": "RUNNING",
        }  # fmt: skip
        assert seen["nightly-r1"].data.tags["progress"].startswith("train_intent 25% of rows")
        assert seen["train_intent"].data.metrics["progress.done"] == 30
    ended = look(tracking, "r1")
    whole, clean, train = (ended[name] for name in ("nightly-r1", "clean_messages", "train_intent"))
    assert [run.info.status for run in ended.values()] == ["FINISHED"] * 3
    assert {run.data.tags["mlflow.parentRunId"] for run in (clean, train)} == {whole.info.run_id}
    assert whole.data.params == {
        "training.epochs": "3", "redis.url": "redis://…@host/0", "intents.환불_": "a",
    }  # fmt: skip
    told = {name: whole.data.tags[name] for name in ("settings_id", "application", "status", "made", "made_from")}
    assert told == {
        "settings_id": record.settings_id, "application": "application_1_1", "status": "succeeded",
        "made": '["snapshots/s1"]', "made_from": '{"clean": ["c1"]}',
    }  # fmt: skip
    assert (whole.data.tags["promoted"], whole.data.tags["user"]) == ("true", record.user)
    assert (clean.data.metrics["rows"], clean.data.metrics["rows_per_s"]) == (100, 50)
    assert (clean.data.tags["output"], train.data.tags["version"]) == ("clean/c1", "3")
    assert train.data.metrics["metrics.test_accuracy"] == 0.5
    assert waiting(store) == []


@pytest.mark.parametrize(("status", "told"), [("failed", "FAILED"), ("cancelled", "KILLED")])
def test_it_ends_as_the_run_did(tracking: Tracking, store: Store, status: str, told: str) -> None:
    with going(store, tracking.config, status, {"status": status, "error": "the disk is full"}):
        wait_for(lambda: look(tracking, status))
    whole = look(tracking, status)[f"nightly-{status}"]
    assert (whole.info.status, whole.data.tags["exit_reason"]) == (told, "the disk is full")


def test_the_next_run_tells_of_one_that_was_killed(tracking: Tracking, store: Store) -> None:
    with going(store, tracking.config, "r3", None):
        wait_for(lambda: len(look(tracking, "r3")) == 3)
    lose_driver(store, "r3")
    assert waiting(store) == ["r3.json"]
    with going(store, tracking.config, "r4", {"status": "succeeded"}):
        wait_for(lambda: waiting(store) == ["r4.json"])
    killed = look(tracking, "r3")
    assert {name: run.info.status for name, run in killed.items()} == {
        "nightly-r3": "KILLED", "clean_messages": "FINISHED", "train_intent": "KILLED",
    }  # fmt: skip
    assert killed["nightly-r3"].data.tags["status"] == "lost"


def test_an_mlflow_that_is_away_holds_no_run_up_and_is_told_by_the_next_one(
    tracking: Tracking, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    away, began = replace(tracking.config, tracking_uri="http://127.0.0.1:1"), time.monotonic()
    with going(store, away, "r5", {"status": "succeeded", "promoted": True}):
        wait_for(lambda: caplog.records)
    assert time.monotonic() - began < 5
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "MLflow is not told of run r5, which goes on"
    ]
    lose_driver(store, "r5")
    with going(store, tracking.config, "r6", {"status": "succeeded"}):
        wait_for(lambda: waiting(store) == ["r6.json"])
    late = look(tracking, "r5")
    assert {name: run.info.status for name, run in late.items()} == {
        "nightly-r5": "FINISHED", "clean_messages": "FINISHED", "train_intent": "FINISHED",
    }  # fmt: skip
    assert late["nightly-r5"].data.tags["promoted"] == "true"


def test_it_can_be_switched_off(tracking: Tracking, store: Store) -> None:
    with going(store, replace(tracking.config, record_runs=False), "r7", {"status": "succeeded"}):
        pass
    assert (look(tracking, "r7"), store.list_names(UNTOLD)) == ({}, [])


def lose_driver(store: Store, run_id: str) -> None:
    """The run's process is no more: its number belongs to another one."""
    record = read_record(store, "nightly", run_id)
    assert record
    assert record.driver
    gone = replace(record, driver=replace(record.driver, started_at=record.driver.started_at - 60))
    store.write_json(store.url("runs", "nightly", f"{run_id}.json"), asdict(gone))


def wait_for(happens: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while not (found := happens()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
