"""Where an output came from: its run, its inputs, back to the raw messages."""

from datetime import datetime
from pathlib import Path

import pytest

from pipelines.ancestry_text import describe_ancestor, describe_run
from pipelines.io.ancestry import find_ancestry
from pipelines.io.run_records import RunRecord, begin_record, end_record, list_records, read_record
from pipelines.io.store import Maker, Store, StoreConfig
from pipelines.io.version_records import note_version

MAKER = Maker("nightly", "20260501T000000-7", "2026-05-01T00:00:00+00:00")
SETTINGS = {"redis": {"url": "redis://me:hush@host:6379/0"}, "training": {"epochs": 3}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(root=str(tmp_path)), MAKER)


@pytest.fixture
def record(store: Store, monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    monkeypatch.setenv("HADOOP_USER_NAME", "data")
    return begin_record(store, MAKER, settings=SETTINGS, application="application_1_0002")


def test_a_run_leaves_its_settings_without_passwords_and_how_it_ended(store: Store, record: RunRecord) -> None:
    assert read_record(store, "nightly", MAKER.run_id) == record
    assert record.status == "started"
    assert record.user == "data"
    assert record.settings == {"redis": {"url": "redis://…@host:6379/0"}, "training": {"epochs": 3}}
    end_record(store, record, {"status": "failed", "error": "no input"}, ended_at=datetime(2026, 5, 1, 0, 5))
    ended = read_record(store, "nightly", MAKER.run_id)
    assert ended is not None
    assert (ended.status, ended.summary) == ("failed", {"status": "failed", "error": "no input"})
    assert ended.ended_at == "2026-05-01T00:05:00"
    assert read_record(store, "nightly", "another") is None


def test_runs_of_a_job_are_listed_the_newest_first(store: Store) -> None:
    for run_id in ("20260501T000000-7", "20260502T000000-3"):
        begin_record(store, Maker("nightly", run_id, MAKER.now), settings={}, application=None)
    assert [record.run_id for record in list_records(store, "nightly")] == ["20260502T000000-3", "20260501T000000-7"]
    assert list(list_records(store, "predict_stream")) == []


def test_each_output_of_years_of_fine_tuning_is_read_once(store: Store) -> None:
    """Each version comes from the one before and from what that one predicted: 2 to the power of 400 ways back."""
    days = 400
    for day in range(1, days + 1):
        store.made_from(versions=f"m/{day - 1}").publish("predictions", f"p{day}", lambda _: {})
        inputs = {"versions": f"m/{day - 1}", "predictions": f"p{day}"}
        store.made_from(**inputs).publish("versions/m", str(day), lambda _: {})
    assert len(list(find_ancestry(store, "versions", f"m/{days}").walk())) == 2 * days + 1


def test_ancestry_goes_back_to_what_is_no_output(store: Store, record: RunRecord) -> None:
    store.made_from(path="/raw", files=2).publish("clean", "c1", lambda _: {"read": 9, "list": ["x" * 600]})
    store.made_from(clean="c1", feedback=[]).publish("snapshots", "s1", lambda _: {"rows": {"train": 8}})
    store.made_from(snapshots="s1", versions="m/1").publish("versions/m", "2", lambda _: {"training_id": "t2"})

    version = find_ancestry(store, "versions", "m/2")

    assert [(one.kind, one.id, one.is_known) for one in version.walk()] == [
        ("versions", "m/2", True), ("snapshots", "s1", True), ("versions", "m/1", False), ("clean", "c1", True),
    ]  # fmt: skip
    clean = version.ancestors[0].ancestors[0]
    assert (clean.run, clean.inputs, clean.facts) == (record, {"path": "/raw", "files": 2}, {"read": 9})
    assert list(describe_ancestor(clean)) == [
        "clean      c1",
        f"           made by {describe_run(record)}",
        "           made from path /raw, files 2",
        '           {"read": 9}',
    ]
    assert list(describe_ancestor(version.ancestors[1])) == ["versions   m/1  is not in this store"]
    assert describe_run(None) == "a run that left no record in this store"


def test_of_many_inputs_the_last_are_followed(store: Store) -> None:
    days = [f"2026-05-01/{number:02}" for number in range(25)]
    for day in days:
        store.publish("feedback/2026-05-01", day[-2:], lambda _: {})
    store.made_from(feedback=days).publish("snapshots", "s1", lambda _: {})
    snapshot = find_ancestry(store, "snapshots", "s1")
    assert [one.id for one in snapshot.ancestors] == days[-20:]
    assert snapshot.inputs == {"more feedback": 5}


def test_a_version_is_noted_once_and_that_of_a_registry_that_began_anew_replaces_it(store: Store) -> None:
    for training, run, snapshot in (("t1", "r1", "s1"), ("t1", "r1", "s2"), ("t2", "r2", "s3")):
        note_version(store.made_from(snapshots=snapshot), "m", "1", training_id=training, mlflow_run=run)
        noted = store.manifest("versions", "m/1"), store.origin("versions", "m/1")["made_from"]
        assert noted == (
            {"training_id": training, "mlflow_run": run}, {"snapshots": "s1" if training == "t1" else "s3"}
        )  # fmt: skip
