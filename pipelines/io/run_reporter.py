"""Tells MLflow of the runs of jobs, from their records in the store, in a thread that no run waits for.

`untold/<job>/<run_id>.json` stands in the store until MLflow knows how the run ended. So a later run of any job tells
of one that was killed, or whose MLflow was away.
"""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from socket import create_connection
from threading import Event, Thread
from urllib.parse import urlsplit
from urllib.request import getproxies

from models.files import read_bytes
from pipelines.errors import MalgilError
from pipelines.io.driver_process import is_alive
from pipelines.io.mlflow_runs import Made, MirroredRun
from pipelines.io.progress import Progress
from pipelines.io.run_progress import REFRESH_S, SILENT_S, StepNote
from pipelines.io.run_records import RunRecord, read_record
from pipelines.io.seen_runs import STARTED, look_at_run
from pipelines.io.store import Store
from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow

log = logging.getLogger(__name__)

UNTOLD = "untold"
REPORTER = "run-mlflow"  # the thread that tells
_LAST_S = 5.0  # that a run waits at its end for MLflow
_RETRY_S, _LONGEST_S = 15.0, 300.0  # between two tries, the first time and at most
_PORTS = {"http": 80, "https": 443}
_KNOCK_S = 3.0  # for a server to take a connection
_REST_S = 0.5  # between two refreshes at least, where MLflow takes long
_POINTS = 1800  # of a number that is kept as it comes, before they are spread out: a live job runs for months


@dataclass(frozen=True)
class Untold:
    """What neither a run's record nor its progress holds."""

    steps: tuple[StepNote, ...]
    made: Made


@contextmanager
def told_to_mlflow(
    store: Store, record: RunRecord, config: MlflowConfig, progress: Progress, *, has_steps: bool
) -> Iterator[None]:
    """Inside, MLflow is told how far the run is, every few seconds; behind it, how it ended, as its record says.

    Guarantee: an MLflow that is away or slow fails nothing, and holds up the end for five seconds at most. What it was
    not told, a later run with the same store tells. Of two runs that do so at once, a run may come out twice.
    """
    if not config.record_runs or not config.tracking_uri:
        yield
        return
    reporter = _Reporter(store, record, config, progress, has_steps=has_steps)
    thread = Thread(target=reporter.work, name=REPORTER, daemon=True)
    thread.start()
    try:
        yield
    finally:
        reporter.over.set()
        thread.join(_LAST_S)


class _Reporter:
    """Of one run."""

    def __init__(
        self, store: Store, record: RunRecord, config: MlflowConfig, progress: Progress, *, has_steps: bool
    ) -> None:
        self._store, self._record, self._config = store, record, config
        self._progress, self._has_steps = progress, has_steps
        self._run: MirroredRun | None = None
        self._noted: Untold | None = None
        self._numbers_at_s = 0.0
        self._others: Iterator[None] = iter(())
        self._is_failing = False
        self.over = Event()

    def work(self) -> None:
        """Until the run is over, and once more then."""
        pause_s, is_last = REFRESH_S, False
        while not is_last:
            is_last, began = self.over.is_set(), time.monotonic()
            try:
                self._note()
                if not (is_last and self._is_failing):  # nobody waits for another try
                    self._tell(is_last=is_last)
                pause_s, self._is_failing = REFRESH_S, False
            except Exception as error:  # whatever it is, the run's own work goes on
                self._warn(error)
                pause_s, self._is_failing = (min(2 * pause_s, _LONGEST_S) if self._is_failing else _RETRY_S), True
            if not is_last:
                self.over.wait(max(_REST_S, pause_s - (time.monotonic() - began)))

    def _note(self) -> None:
        """In the store, what a later run would have to tell."""
        steps = self._progress.list_steps() if self._has_steps else ()
        noted = Untold(steps, dict(self._store.made))
        if noted != self._noted:
            self._store.write_json(_url(self._store, self._record.job, self._record.run_id), asdict(noted))
            self._noted = noted

    def _tell(self, *, is_last: bool) -> None:
        if self._run is None:
            _knock(self._config.tracking_uri)
            tracking = connect_mlflow(self._config)
            self._run = MirroredRun(tracking, self._record)
            self._others = _tell_of_others(self._store, tracking, self._record)
        if is_last:
            _tell_end(self._store, self._run, self._record)
            return
        self._tell_progress(self._run)
        self._tell_of_another()

    def _tell_progress(self, run: MirroredRun) -> None:
        elapsed_s = (datetime.now(timezone.utc) - datetime.fromisoformat(self._record.now)).total_seconds()
        is_due = elapsed_s - self._numbers_at_s >= elapsed_s / _POINTS
        run.tell_progress(self._progress.measure(), self._noted.steps if self._noted else (), with_numbers=is_due)
        if is_due:
            self._numbers_at_s = elapsed_s

    def _tell_of_another(self) -> None:
        try:
            next(self._others, None)
        except Exception as error:  # this run is told of nevertheless
            log.warning("MLflow is not told of an earlier run: %s", type(error).__name__)

    def _warn(self, error: Exception) -> None:
        if not self._is_failing:
            reason = str(error) if isinstance(error, MalgilError) else type(error).__name__
            log.warning("MLflow is not told of run %s, which goes on: %s", self._record.run_id, reason)


def _tell_of_others(store: Store, tracking: Tracking, own: RunRecord) -> Iterator[None]:
    """At each step of another one that MLflow was not told the end of: a killed one, or whose MLflow was away."""
    jobs = store.list_names(UNTOLD)
    names = ((name.removesuffix(".json"), job) for job in jobs for name in store.list_names(UNTOLD, job))
    for run_id, job in sorted(names, reverse=True):  # the newest first, should there be one that MLflow refuses
        record = read_record(store, job, run_id)
        if record and run_id != own.run_id and _is_left(store, record):
            _tell_end(store, MirroredRun(tracking, record), record)
            yield


def _is_left(store: Store, record: RunRecord) -> bool:
    """Whether it ended, and its own driver does not tell of it: it is gone, or on another machine and had its time."""
    if not record.ended_at:
        return look_at_run(store, record).status != STARTED
    alive = is_alive(record.driver) if record.driver else None
    since_s = (datetime.now(timezone.utc) - datetime.fromisoformat(record.ended_at)).total_seconds()
    return not alive if alive is not None else since_s > SILENT_S


def _tell_end(store: Store, run: MirroredRun, begun: RunRecord) -> None:
    """As the store knows it; of a run that goes, or whose end the store does not know, nothing."""
    record, untold = read_record(store, begun.job, begun.run_id) or begun, _read_untold(store, begun)
    seen = look_at_run(store, record)
    if seen.status != STARTED and untold:
        last = record.ended_at or (seen.progress.at if seen.progress else "") or record.now
        run.tell_end(record, seen.status, untold.steps, untold.made, ended=datetime.fromisoformat(last))
        store.remove(_url(store, record.job, record.run_id))


def _read_untold(store: Store, record: RunRecord) -> "Untold | None":
    """None where another run has told it by now."""
    content = read_bytes(_url(store, record.job, record.run_id))
    if content is None:
        return None
    found = json.loads(content)
    return Untold(tuple(StepNote(**step) for step in found["steps"]), found["made"])


def _knock(uri: str) -> None:
    """Raises OSError where no server listens, at once: MLflow's client, whose import costs seconds, asks for long."""
    server = urlsplit(uri)
    if server.scheme in _PORTS and server.hostname and server.scheme not in getproxies():
        address = server.hostname, server.port or _PORTS[server.scheme]
        create_connection(address, timeout=_KNOCK_S).close()


def _url(store: Store, job: str, run_id: str) -> str:
    return store.url(UNTOLD, job, f"{run_id}.json")
