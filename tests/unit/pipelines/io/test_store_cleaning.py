"""What the store may lose, and what it may not."""

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from jobs.__main__ import main
from jobs.clean_store import parse_age
from pipelines.errors import MalgilError
from pipelines.io.run_records import begin_record, end_record, list_newest
from pipelines.io.store import Maker, Store, StoreConfig
from pipelines.io.store_cleaning import check_nothing_goes, find_leftovers, remove_leftover

NOW = datetime.now(timezone.utc)
LIMIT = NOW - timedelta(days=30)
FIRST, SECOND = (Maker("nightly", f"2026050{day}T000000-7", NOW.isoformat()) for day in (1, 2))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Two old nightly runs: what the first one made is registered, what the second one made is not."""
    root = tmp_path / "store"
    for maker, name in ((FIRST, "a"), (SECOND, "b")):
        store = Store(StoreConfig(str(root)), maker)
        begun = begin_record(store, maker, settings={}, application=None)
        end_record(store, begun, {"status": "succeeded"}, ended_at=NOW)
        store.publish("raw", f"r{name}", lambda _: {})
        store.made_from(raw=f"r{name}").publish("clean", f"c{name}", lambda _: {})
        store.made_from(raw=f"r{name}").publish("quarantine", f"c{name}", lambda _: {})
        store.made_from(clean=f"c{name}", feedback=["2026-05-01/f1"]).publish("snapshots", f"s{name}", lambda _: {})
        store.publish("trainings", f"t{name}", lambda _: {})
        store.made_from(snapshots=f"s{name}").publish("versions/m", name, lambda _: {})
        store.made_from(clean=f"c{name}", versions=f"m/{name}").publish("predictions", f"p{name}", lambda _: {})
        store.write_text(store.url("checkpoints", f"t{name}", "epoch-1"), "weights")
        store.write_text(store.url("reports", f"{maker.run_id}.html"), "<!doctype html>")
    Store(StoreConfig(str(root)), FIRST).publish("feedback/2026-05-01", "f1", lambda _: {})
    store.write_text(store.url("live", "checkpoint", "offsets", "0"), "{}")
    store.write_text(store.url("checkpoints", "stream", "layout.json"), "{}")
    store.write_text(store.url("somebody", "else"), "?")
    _make_old(root)
    return store


def test_what_a_registered_version_came_from_stays_and_so_does_all_that_is_no_output(store: Store) -> None:
    before = _list_files(store)
    for leftover in find_leftovers(store, {("versions", "m/a"), ("trainings", "ta")}, before=LIMIT):
        remove_leftover(store, leftover)
    gone = {name.rsplit("/", 1)[0] for name in before - _list_files(store)}
    assert gone == {
        "raw/rb", "clean/cb", "quarantine/ca", "quarantine/cb", "snapshots/sb", "trainings/tb", "predictions/pa",
        "predictions/pb", "checkpoints/ta", "checkpoints/tb", "reports", "runs/nightly",
    }  # fmt: skip
    assert [run.run_id for run in list_newest(store, 5)] == [FIRST.run_id]  # it made what stays
    assert find_leftovers(store, {("versions", "m/a"), ("trainings", "ta")}, before=LIMIT) == []


def test_what_something_newer_came_from_stays(store: Store) -> None:
    store.made_from(clean="cb", versions="m/b").publish("predictions", "new", lambda _: {})
    gone = {leftover.name for leftover in find_leftovers(store, (), before=LIMIT)}
    assert {"raw/rb", "clean/cb", "snapshots/sb", "predictions/new"} & gone == set()
    assert {"raw/ra", "clean/ca", "snapshots/sa", "predictions/pb"} <= gone


def test_what_is_in_the_making_stays_and_what_was_left_of_it_goes(store: Store, tmp_path: Path) -> None:
    store.write_text(store.url("clean", ".c3.draft", "part-0"), "half")
    store.write_text(store.url("clean", ".c4.draft", "part-0"), "half")
    _make_old(tmp_path / "store" / "clean" / ".c4.draft")
    gone = {leftover.name for leftover in find_leftovers(store, (), before=LIMIT)}
    assert "clean/.c4.draft" in gone
    assert "clean/.c3.draft" not in gone


def test_a_long_run_that_goes_keeps_its_record(store: Store) -> None:
    store.write_text(store.url("progress", SECOND.job, f"{SECOND.run_id}.json"), "{}")
    gone = {leftover.name for leftover in find_leftovers(store, (), before=LIMIT)}
    assert f"runs/nightly/{SECOND.run_id}.json" not in gone
    assert f"runs/nightly/{FIRST.run_id}.json" in gone


def test_nothing_is_removed_beside_a_run_that_may_read_it(store: Store) -> None:
    begin_record(store, Maker("predict_stream", "3", NOW.isoformat()), settings={}, application=None)
    check_nothing_goes(store, ["predict_stream"])
    begin_record(store, Maker("train_intent", "4", NOW.isoformat()), settings={}, application=None)
    with pytest.raises(MalgilError, match="clean: expected no run that goes, found 4; wait for it, or cancel it"):
        check_nothing_goes(store, ["predict_stream"])


def test_a_dry_run_lists_and_removes_nothing(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mlflow = [f"mlflow.tracking_uri=sqlite:///{tmp_path}/mlflow.db", f"mlflow.artifact_root={tmp_path}/artifacts"]
    before = _list_files(store)
    assert main(["jobs", "clean", "--older-than", "30d", "--dry-run", f"store.root={store.root}", *mlflow]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert _list_files(store) == before
    assert json.loads(last)["would_remove"] == len(lines) > 10
    assert any(line.endswith(" MB  clean/ca") for line in lines)


@pytest.mark.parametrize(("age", "hours"), [("12h", 12), ("30d", 720), ("2w", 336)])
def test_an_age_has_a_unit(age: str, hours: int) -> None:
    assert parse_age(age) == timedelta(hours=hours)
    with pytest.raises(MalgilError, match=r"--older-than: expected a number and h, d or w, such as 30d, received '30'"):
        parse_age("30")


def _make_old(folder: Path) -> None:
    long_ago = (NOW - timedelta(days=60)).timestamp()
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (long_ago, long_ago))


def _list_files(store: Store) -> set[str]:
    root = Path(store.root.removeprefix("file://"))
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
