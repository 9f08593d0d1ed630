"""How far a run is, in the store beside its record while it goes: `progress/<job>/<run_id>.json`.

A file of its own, so that its refreshing never races with the record. It goes when the run ends, and the record then
holds how far the run came; of a run that was killed it stays, and its age tells.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from threading import Event, Thread
from typing import Any

from pipelines.io.store import Store

log = logging.getLogger(__name__)

_KIND = "progress"
WRITER = "run-progress"  # the thread that writes
REFRESH_S = 2.0
SILENT_S = 60.0  # after which a run that noted nothing counts as lost
_LAST_S = 10.0  # that a run waits at its end for a write that hangs
_ROWS = ("messages", "read", "rows", "predictions")  # what a summary calls the rows that a step went through


@dataclass(frozen=True)
class StepNote:
    """A step of a run, as it went so far."""

    name: str
    began: str  # ISO 8601
    ended: str = ""  # of one that goes, empty
    status: str = "started"  # as a run's
    summary: Mapping[str, Any] | None = None  # of one that succeeded


@dataclass(frozen=True)
class RunProgress:
    """The step that a run is in, and how far that is."""

    step: str = ""  # empty between two steps, and where a job tells none
    done: int = 0  # of what `unit` names
    total: int = 0  # as far as it is known by now; 0 of work that has no end, or that tells none
    unit: str = ""  # rows, tasks of Spark, or what else the step counts
    rows: int = 0
    rows_per_s: float = 0.0
    left_s: float | None = None  # of the step, as the time so far tells
    steps_done: tuple[str, ...] = ()  # those before it
    facts: Mapping[str, Any] = field(default_factory=dict)  # what else a live job tells: lag, Kafka's offsets
    at: str = ""  # when it was noted, ISO 8601

    @property
    def share(self) -> float | None:
        """How much of the step is done, 0 to 1; None where its end is not known."""
        return min(1.0, self.done / self.total) if self.total else None

    def describe(self) -> str:
        """In a few words: `train_intent 40% of rows, 12,000 rows/s, 2 min left`."""
        unit = f" of {self.unit}" if self.unit else ""
        share = "" if self.share is None else f" {self.share:.0%}{unit}"
        rate = f"{self.rows_per_s:,.0f} rows/s" if self.rows_per_s else ""
        left = "" if self.left_s is None else f"{_say_time(self.left_s)} left"
        return ", ".join(filter(None, [f"{self.step}{share}", rate, left]))


def measure_step(step: str, done: int, total: int, *, unit: str, rows: int, elapsed_s: float) -> RunProgress:
    """How far a step is after `elapsed_s`; the time left is reckoned as if it went on as it did so far."""
    left_s = round(elapsed_s * (total - done) / done, 1) if total > done > 0 else None
    rate = round(rows / max(elapsed_s, 1e-3), 1)
    return RunProgress(step=step, done=done, total=total, unit=unit, rows=rows, rows_per_s=rate, left_s=left_s)


def count_rows(summary: Mapping[str, Any]) -> int | None:
    """The rows that a step went through, as its summary tells them; None where it tells none."""
    rows = next((summary[key] for key in _ROWS if key in summary), None)
    return sum(rows.values()) if isinstance(rows, Mapping) else rows


@contextmanager
def progress_noted(
    store: Store, job: str, run_id: str, measure: Callable[[], RunProgress], *, every_s: float = REFRESH_S
) -> Iterator[None]:
    """Inside, what `measure` tells stands in the store, written anew every few seconds; after it, it is removed.

    No fault of the store ends the run or holds it up: the first one is logged, and the next write is tried in its turn.
    """
    url, over = _url(store, job, run_id), Event()
    writer = Thread(target=_write_on, args=(store, url, measure, over, every_s), name=WRITER, daemon=True)
    writer.start()
    try:
        yield
    finally:
        over.set()
        writer.join(_LAST_S)


def read_progress(store: Store, job: str, run_id: str) -> RunProgress | None:
    """None of a run that has ended, or noted nothing yet."""
    url = _url(store, job, run_id)
    try:
        found = store.read_json(url) if store.exists(url) else None
    except FileNotFoundError:  # the run ended just now
        return None
    return parse_progress(found) if found else None


def parse_progress(told: Mapping[str, Any]) -> RunProgress:
    """From JSON's values, as its file and a run's record hold it."""
    return RunProgress(**{**told, "steps_done": tuple(told["steps_done"])})


def is_silent(progress: RunProgress | None, *, began: datetime, now: datetime) -> bool:
    """Whether a run that has not ended noted nothing for so long that it was killed, or cannot reach the store."""
    last = datetime.fromisoformat(progress.at) if progress else began
    return (now - last).total_seconds() > SILENT_S


def remove_progress(store: Store, job: str, run_id: str) -> None:
    """Of a run whose end somebody else noted."""
    store.remove(_url(store, job, run_id))


def _write_on(store: Store, url: str, measure: Callable[[], RunProgress], over: Event, every_s: float) -> None:
    is_told = False
    while True:
        try:
            noted = replace(measure(), at=datetime.now(timezone.utc).isoformat())
            store.write_json(url, asdict(noted))
        except Exception:  # whatever it is, the run's own work goes on
            if not is_told:
                log.exception("%s could not be written; the run goes on, and its progress may not be seen", url)
            is_told = True
        if over.wait(every_s):
            break
    _remove(store, url)


def _remove(store: Store, url: str) -> None:
    try:
        store.remove(url)
    except Exception:
        log.exception("%s could not be removed", url)


def _url(store: Store, job: str, run_id: str) -> str:
    return store.url(_KIND, job, f"{run_id}.json")


def _say_time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
