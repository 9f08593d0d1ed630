"""How far a run is: what is told of it, and that telling it harms no run."""

import io
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pipelines.io.progress import Progress
from pipelines.io.run_progress import (
    SILENT_S,
    RunProgress,
    is_silent,
    measure_step,
    progress_noted,
    read_progress,
)
from pipelines.io.store import Store, StoreConfig


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(str(tmp_path)))


def test_it_stands_in_the_store_anew_and_anew_while_the_run_goes(store: Store) -> None:
    rows = [10]
    with progress_noted(store, "nightly", "r1", lambda: RunProgress(step="clean", rows=rows[0]), every_s=0.01):
        first = _wait_for(lambda: read_progress(store, "nightly", "r1"))
        rows[0] = 20
        _wait_for(lambda: (found := read_progress(store, "nightly", "r1")) and found.rows == 20)
        assert (first.step, first.rows) == ("clean", 10)
    assert read_progress(store, "nightly", "r1") is None


def test_a_store_that_refuses_ends_no_run_and_is_told_once(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tries = []
    (tmp_path / "progress").write_text("no folder")
    with progress_noted(store, "nightly", "r1", lambda: tries.append(1) or RunProgress(), every_s=0.01):  # type: ignore[func-returns-value]
        _wait_for(lambda: len(tries) > 3)
    assert [record.message.endswith("its progress may not be seen") for record in caplog.records] == [True]


def test_the_step_under_way_is_told_with_those_before_it() -> None:
    progress = Progress(None, io.StringIO())
    with progress.step("clean_messages"):
        pass
    progress.finish("clean_messages", 1.0, {})
    with progress.step("train_intent") as step:
        step.update(30, 120)
        told = progress.measure()
    assert (told.step, told.done, told.total, told.unit, told.rows) == ("train_intent", 30, 120, "rows", 30)
    assert (told.share, told.steps_done) == (0.25, ("clean_messages",))
    assert progress.measure() == RunProgress(steps_done=("clean_messages",))


def test_the_step_that_failed_stays() -> None:
    progress = Progress(None, io.StringIO())
    with suppress(ValueError), progress.step("train_intent") as step:
        step.update(30, 120)
        raise ValueError
    assert (progress.measure().step, progress.measure().done) == ("train_intent", 30)


@pytest.mark.parametrize(
    ("done", "total", "unit", "told"),
    [
        (10_000, 40_000, "rows", "clean 25% of rows, 1,000 rows/s, 30 s left"),
        (10_000, 400_000, "rows", "clean 2% of rows, 1,000 rows/s, 6 min left"),
        (0, 7, "tasks", "clean 0% of tasks, 1,000 rows/s"),
        (7, 7, "tasks", "clean 100% of tasks, 1,000 rows/s"),
        (0, 0, "", "clean, 1,000 rows/s"),
    ],
)
def test_it_is_told_in_a_few_words(done: int, total: int, unit: str, told: str) -> None:
    assert measure_step("clean", done, total, unit=unit, rows=10_000, elapsed_s=10.0).describe() == told


def test_a_run_that_notes_nothing_for_long_is_silent() -> None:
    now = datetime(2026, 5, 1, tzinfo=timezone.utc)
    long_ago, just_now = now - timedelta(seconds=SILENT_S + 1), now - timedelta(seconds=SILENT_S - 1)
    noted = RunProgress(at=just_now.isoformat())
    assert not is_silent(noted, began=long_ago, now=now)
    assert not is_silent(None, began=just_now, now=now)
    assert is_silent(None, began=long_ago, now=now)


def _wait_for(happens: Callable[[], object]) -> Any:
    deadline = time.monotonic() + 30
    while not (found := happens()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found
