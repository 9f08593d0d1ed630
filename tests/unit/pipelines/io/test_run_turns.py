"""One run at a time of what must not overlap."""

from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pipelines.errors import MalgilError
from pipelines.io.run_records import begin_record, end_record
from pipelines.io.run_turns import take_turn
from pipelines.io.store import Maker, Store, StoreConfig

FIRST = Maker("nightly", "1", "2026-05-01T00:00:00+00:00")
SECOND = replace(FIRST, run_id="2")
NAME = "nightly-intent-a1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(str(tmp_path)))


def test_another_run_is_refused_until_the_first_one_ends(store: Store) -> None:
    record = begin_record(store, FIRST, settings={}, application=None)
    take_turn(store, NAME, FIRST)
    take_turn(store, "nightly-intent-b2", SECOND)
    with pytest.raises(MalgilError, match=r"found 1, which goes since .* \./spark-submit\.sh jobs cancel 1$"):
        take_turn(store, NAME, SECOND)
    end_record(store, record, {"status": "failed"}, ended_at=datetime.now(timezone.utc))
    take_turn(store, NAME, SECOND)
    assert sorted(store.list_names("turns", NAME)) == ["1.json", "2.json"]


def test_a_run_that_was_killed_holds_no_turn(store: Store) -> None:
    record = begin_record(store, FIRST, settings={}, application=None)
    take_turn(store, NAME, FIRST)
    assert record.driver
    gone = replace(record, driver=replace(record.driver, started_at=record.driver.started_at - 60))
    store.write_json(store.url("runs", "nightly", "1.json"), asdict(gone))
    take_turn(store, NAME, SECOND)


def test_what_was_held_long_ago_is_cleared_away(store: Store) -> None:
    for run_id in "123":
        take_turn(store, NAME, replace(FIRST, run_id=run_id))  # none left a record
    assert sorted(store.list_names("turns", NAME)) == ["2.json", "3.json"]
