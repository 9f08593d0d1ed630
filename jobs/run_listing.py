"""What the door's `jobs` prints of runs: a table, a record, the log of one as it grows."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from jobs.submission import PROJECT
from pipelines.errors import MalgilError
from pipelines.io.followed_text import TextFollower
from pipelines.io.run_records import RunRecord, read_record
from pipelines.io.seen_runs import STARTED, SeenRun, look_at_run
from pipelines.io.store import Store
from pipelines.io.yarn_packages import FOLDER

_HEAD = ("run", "job", "status", "started", "seconds", "user", "application", "progress")
_LOOK_EVERY_S = 0.5


def format_table(runs: Iterable[SeenRun]) -> Iterator[str]:
    """A line a run, below a head."""
    rows = [_HEAD, *map(_describe, runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def read_log(record: RunRecord) -> Iterator[str]:
    """What a run of this machine wrote so far. Raises MalgilError where its log is not here."""
    with _find_log(record).open(encoding="utf8", errors="replace") as text:
        yield from text


def follow_log(store: Store, record: RunRecord) -> Iterator[str]:
    """What a run writes until it ends, in pieces: its log, of a driver on a node of YARN its progress."""
    if (record.application or "").startswith("application_") and not _path(record).exists():
        url = f"{store.root}/{FOLDER}/runs/{record.run_id}/progress.json"
        yield from _follow(store, record, TextFollower(url).read_new)
        return
    with _find_log(record).open(encoding="utf8", errors="replace") as text:
        yield from _follow(store, record, text.read)


def _describe(run: SeenRun) -> tuple[str, ...]:
    record = run.record
    started, lasted = datetime.fromisoformat(record.now), record.lasted_s
    return (
        record.run_id, record.job, run.status, f"{started:%Y-%m-%d %H:%M:%S}Z",
        "" if lasted is None else f"{lasted:,.0f}", record.user, record.application or "",
        run.progress.describe() if run.progress else "",
    )  # fmt: skip


def _follow(store: Store, record: RunRecord, read_new: Callable[[], str]) -> Iterator[str]:
    is_over = False
    while not is_over:
        found = read_record(store, record.job, record.run_id)
        is_over = found is None or look_at_run(store, found).status != STARTED
        if new := read_new():  # also behind the end: what came last
            yield new
        if not is_over:
            time.sleep(_LOOK_EVERY_S)


def _find_log(record: RunRecord) -> Path:
    if not _path(record).exists():
        raise MalgilError(
            f"run {record.run_id}: expected its log at {_path(record).relative_to(PROJECT)}, found none; one on YARN: "
            f"./spark-submit.sh logs {record.application or 'APPLICATION_ID'}"
        )
    return _path(record)


def _path(record: RunRecord) -> Path:
    return PROJECT / "var" / "logs" / f"{record.job}-{record.run_id}.log"
