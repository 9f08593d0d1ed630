"""Runs as they are at this moment: what their records tell, how far they are, and whether they are still there."""

from dataclasses import dataclass
from datetime import datetime, timezone

from pipelines.io.driver_process import is_alive
from pipelines.io.run_progress import RunProgress, is_silent, parse_progress, read_progress
from pipelines.io.run_records import RunRecord, list_newest
from pipelines.io.store import Store

STARTED = "started"
LOST = "lost"


@dataclass(frozen=True)
class SeenRun:
    """A run, now."""

    record: RunRecord
    status: str  # the record's; or lost: it has no end, and its driver is gone or notes nothing any more
    progress: RunProgress | None  # None of a run that has ended, unless it did not succeed


def look_at_run(store: Store, record: RunRecord) -> SeenRun:
    """How the run is now."""
    if record.status != STARTED:
        return SeenRun(record, record.status, parse_progress(record.progress) if record.progress else None)
    progress = read_progress(store, record.job, record.run_id)
    alive = is_alive(record.driver) if record.driver else None
    silent = is_silent(progress, began=datetime.fromisoformat(record.now), now=datetime.now(timezone.utc))
    is_lost = not alive if alive is not None else silent
    return SeenRun(record, LOST if is_lost else STARTED, progress)


def look_at_runs(store: Store, most: int) -> list[SeenRun]:
    """The newest runs of all jobs, the newest first."""
    return [look_at_run(store, record) for record in list_newest(store, most)]
