"""`./spark-submit.sh jobs`: what it tells of runs."""

import json
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from jobs.__main__ import main
from pipelines.io.run_progress import measure_step
from pipelines.io.run_records import begin_record, end_record
from pipelines.io.store import Maker, Store, StoreConfig

FIRST = Maker("nightly", "20260501T000000-7", "2026-05-01T00:00:00+00:00")
SECOND = Maker("clean_messages", "20260502T000000-3", "2026-05-02T00:00:00+00:00")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store with a run that ended and one that did not."""
    monkeypatch.setenv("HADOOP_USER_NAME", "data")
    store = Store(StoreConfig(str(tmp_path)), FIRST)
    store.publish("clean", "c1", lambda _: {})
    store.publish("feedback/2026-05-01", "f1", lambda _: {})
    Store(StoreConfig(str(tmp_path)), SECOND).publish("clean", "c2", lambda _: {})
    record = begin_record(store, FIRST, settings={"task": "intent"}, application="application_1_0002")
    end_record(store, record, {"status": "succeeded"}, ended_at=datetime(2026, 5, 1, 0, 20, 34, tzinfo=timezone.utc))
    begin_record(store, SECOND, settings={}, application=None)
    how_far = measure_step("clean_messages", 10_000, 40_000, unit="rows", rows=10_000, elapsed_s=20.0)
    noted = asdict(replace(how_far, at="2026-05-02T00:00:20+00:00"))
    store.write_json(store.url("progress", SECOND.job, f"{SECOND.run_id}.json"), noted)
    return f"store.root={tmp_path}"


def test_the_newest_runs_come_first(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", root]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "run                job             status     started               seconds  user  application         "
        "progress",
        "20260502T000000-3  clean_messages  started    2026-05-02 00:00:00Z           data                      "
        "clean_messages 25% of rows, 500 rows/s, 60 s left",
        "20260501T000000-7  nightly         succeeded  2026-05-01 00:00:00Z  1,234    data  application_1_0002",
    ]
    assert main(["jobs", "list", "--most", "1", root]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_run_tells_its_record_and_what_it_made(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "status", FIRST.run_id, root]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["status"], record["settings"]) == ("succeeded", {"task": "intent"})
    assert main(["jobs", "outputs", FIRST.run_id, root]) == 0
    assert capsys.readouterr().out.splitlines() == ["clean/c1", "feedback/2026-05-01/f1"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["status", "20200101T000000-1"], "run 20200101T000000-1: expected its record in "),
        (["logs", FIRST.run_id], f"run {FIRST.run_id}: expected its log at var/logs/nightly-{FIRST.run_id}.log"),
    ],
)
def test_what_is_not_there_is_said(
    arguments: list[str], line: str, root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", *arguments, root]) == 1
    assert capsys.readouterr().err.startswith(line)
