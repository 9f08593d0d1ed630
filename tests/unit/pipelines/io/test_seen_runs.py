"""How runs are now: a killed one is not taken for one that runs."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pipelines.io.run_progress import RunProgress
from pipelines.io.run_records import Submitted, begin_record, end_record, read_record
from pipelines.io.seen_runs import look_at_run, look_at_runs
from pipelines.io.store import Maker, Store, StoreConfig


def test_a_run_is_lost_where_its_driver_is_gone_or_silent(tmp_path: Path) -> None:
    store, now = Store(StoreConfig(str(tmp_path))), datetime.now(timezone.utc)
    here = begin_record(store, Maker("nightly", "1", now.isoformat()), settings={}, application=None)
    assert here.driver
    gone = replace(here, driver=replace(here.driver, started_at=here.driver.started_at - 60))
    on_a_node = replace(here, driver=replace(here.driver, host="node"))
    silent_node = replace(on_a_node, now=(now - timedelta(hours=1)).isoformat())
    assert [look_at_run(store, run).status for run in (here, gone, on_a_node, silent_node)] == [
        "started", "lost", "started", "lost",
    ]  # fmt: skip


def test_a_run_that_failed_tells_how_far_it_came(tmp_path: Path) -> None:
    store, now = Store(StoreConfig(str(tmp_path))), datetime.now(timezone.utc)
    begun = Submitted(("task=intent", "mlflow.tracking_uri=http://me:secret@host"), spec="nightly", notify=("a",))
    maker = Maker("nightly", "1", now.isoformat())
    record = begin_record(store, maker, settings={}, application=None, submission=begun)
    end_record(store, record, {"status": "failed"}, ended_at=now, progress=RunProgress("clean", steps_done=("raw",)))
    seen = look_at_runs(store, 5)
    assert [(run.status, run.progress) for run in seen] == [("failed", RunProgress("clean", steps_done=("raw",)))]
    hidden = replace(begun, arguments=("task=intent", "mlflow.tracking_uri=http://…@host"))
    assert read_record(store, "nightly", "1") == seen[0].record
    assert seen[0].record.submission == hidden


def test_what_is_being_written_is_no_run_yet(tmp_path: Path) -> None:
    store, now = Store(StoreConfig(str(tmp_path))), datetime.now(timezone.utc)
    record = begin_record(store, Maker("nightly", "1", now.isoformat()), settings={}, application=None)
    store.write_json(store.url("runs", "nightly", ".0b1c"), {**asdict(record), "run_id": "2"})
    assert [run.record.run_id for run in look_at_runs(store, 5)] == ["1"]
