"""A job: what every target of the door is handed, and how it begins and ends.

Progress goes where the door reads it (its pipe; in a cluster, a file in the store), else to stderr. The summary
likewise, else it is the last line of stdout. Logs go to stderr.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pyspark import SparkContext
from pyspark.sql import SparkSession

from jobs.driver_session import cancel_jobs, open_session
from jobs.stopping import BY_SIGNAL, RunCancelled, ended_by_signals
from jobs.submission import SUBMISSION, make_run_id
from models.files import write_bytes
from pipelines.day import KOREA, settle_day
from pipelines.errors import MalgilError
from pipelines.io.event_courier import COURIER
from pipelines.io.executors import executors_in_time
from pipelines.io.faults import explain_fault
from pipelines.io.progress import Progress, Step, silent_step
from pipelines.io.run_events import RunEvents
from pipelines.io.run_progress import WRITER, RunProgress, progress_noted
from pipelines.io.run_records import Submitted, begin_record, end_record, find_user
from pipelines.io.run_reporter import REPORTER, told_to_mlflow
from pipelines.io.store import Maker, Store
from pipelines.settings import Settings, load_settings

log = logging.getLogger("malgil")

_CANCELLED = 128 + signal.SIGTERM  # a cancelled run's exit code
_TELLERS = (WRITER, REPORTER, COURIER)  # how the names of threads begin that tell of a run

Summary = dict[str, Any]


@dataclass(frozen=True)
class PlainJob:
    """What a job without Spark may use. `now` is the one clock: everything that a run dates carries this time."""

    name: str
    run_id: str
    now: datetime
    settings: Settings
    store: Store
    progress: Progress
    step: Step
    events: RunEvents  # what others are told

    @property
    def maker(self) -> Maker:
        """The run, as what it makes names it."""
        return Maker(self.name, self.run_id, self.now.isoformat())


@dataclass(frozen=True)
class Job(PlainJob):
    """What a job may use."""

    spark: SparkSession


Run = Callable[[Job], Summary]
AnyJob = TypeVar("AnyJob", bound=PlainJob)


def main(file: str, run: Run, *, has_steps: bool = False) -> None:
    """Run a job file's `run` with the command line's settings; exits 1 with one clear line when it fails.

    `has_steps`: it is made of other jobs and shows each as a step; else it is one step itself.
    """

    def run_in_session(name: str, run_id: str, settings: Settings) -> Summary:
        with open_session(name) as spark, executors_in_time(spark, settings.yarn):
            plain = open_job(name, run_id, settings, Progress(spark.sparkContext))
            job = Job(**vars(plain), spark=spark)
            with _recorded(job, spark.sparkContext, has_steps=has_steps) as report, job.events.of_run(describe):
                return report(run(job) if has_steps else run_step(job, name, run))

    _run(file, run_in_session)


def main_without_spark(
    file: str, run: Callable[[PlainJob], Summary], *, has_steps: bool = False, in_mlflow: bool = True
) -> None:
    """As `main`, for a job that needs no Spark: the door starts it as plain Python, on this machine always.

    `in_mlflow`: false of one that only looks at things, and is not to wait for MLflow's import.
    """

    def run_here(name: str, run_id: str, settings: Settings) -> Summary:
        job = open_job(name, run_id, settings, Progress(None))
        with _recorded(job, None, has_steps=has_steps, in_mlflow=in_mlflow) as report, job.events.of_run(describe):
            return report(run(job) if has_steps else run_step(job, name, run))

    _run(file, run_here)


def read_settings(*more: str) -> Settings:
    """The command line's settings, and `more` overrides after them; their day is a date."""
    settings = load_settings([*sys.argv[1:], *more], conf=os.environ.get("MALGIL_CONF", "local"))
    return settle_day(settings, today=datetime.now(KOREA).date())


def describe(error: BaseException) -> str:
    """One line for a person. Of an unexpected error only its type: its text may hold what people said."""
    if isinstance(error, RunCancelled):
        return BY_SIGNAL
    if isinstance(error, MalgilError):
        return str(error)
    return explain_fault(str(error)) or f"unexpected {type(error).__name__}; the log has the details"


def run_step(job: AnyJob, name: str, run: Callable[[AnyJob], Summary]) -> Summary:
    """Run a job as a step of another one: its own progress line, its seconds in the summary."""
    started = time.monotonic()
    with job.progress.step(name) as step:
        summary = run(replace(job, step=step))
    seconds = time.monotonic() - started
    job.progress.finish(name, seconds, summary)
    log.info("%s: %.1f s", name, seconds)
    return {**summary, "seconds": round(seconds, 1)}


def _run(file: str, run: Callable[[str, str, Settings], Summary]) -> None:
    """Report the summary that `run` returns for the job's name, the run's id and the settings, or how it failed."""
    name, run_id, started = Path(file).stem, os.environ.get("MALGIL_RUN_ID") or make_run_id(), time.monotonic()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    head = {"job": name, "status": "succeeded", "run_id": run_id}
    _take_environment()
    try:
        summary = run(name, run_id, read_settings())
    except (Exception, RunCancelled) as error:
        log.exception("%s did not succeed", name)
        _report({**head, **_describe_end(error), "elapsed_s": round(time.monotonic() - started, 1)})
        if isinstance(error, RunCancelled):
            _end_at_once(_CANCELLED)  # threads that wait for the work that was interrupted would keep the process
        end_process(1)
    _report({**head, "elapsed_s": round(time.monotonic() - started, 1), **summary})
    end_process(0)


def end_process(code: int) -> None:
    """End with this exit code: at once where a thread that tells of the run still waits for the store or MLflow.

    Python would end such a thread in the midst of native code, which aborts the process (exit code 134).
    """
    if any(thread.name.startswith(_TELLERS) for thread in threading.enumerate()):
        _end_at_once(code)
    if code:
        sys.exit(code)


def _end_at_once(code: int) -> NoReturn:
    logging.shutdown()
    os._exit(code)


def open_job(name: str, run_id: str, settings: Settings, progress: Progress) -> PlainJob:
    """To be called when Spark runs, if it is to: its start forks, which must not happen beside a store's threads."""
    now = datetime.now(timezone.utc)
    maker = Maker(name, run_id, now.isoformat())
    store = Store(settings.store, maker)
    return PlainJob(
        name=name, run_id=run_id, now=now, settings=settings, progress=progress, step=silent_step(), store=store,
        events=RunEvents(
            store, maker, find_user(), config=settings.events, kafka=settings.kafka,
            notify=", ".join(_read_submission().notify),
        ),
    )  # fmt: skip


@contextmanager
def _recorded(
    job: PlainJob, context: SparkContext | None, *, has_steps: bool, in_mlflow: bool = True
) -> Iterator[Callable[[Summary], Summary]]:
    """Leaves the run's record in the store, and in MLflow; what is given takes the run's summary and gives it back."""
    record = begin_record(
        job.store, job.maker, settings=asdict(job.settings), application=context.applicationId if context else None,
        submission=_read_submission(),
    )  # fmt: skip
    cancel_work = partial(cancel_jobs, context) if context else None

    def end(summary: Summary, progress: RunProgress | None = None) -> Summary:
        end_record(job.store, record, summary, ended_at=datetime.now(timezone.utc), progress=progress)
        return summary

    told = told_to_mlflow(job.store, record, job.settings.mlflow, job.progress, has_steps=has_steps)
    noted = progress_noted(job.store, job.name, job.run_id, job.progress.measure)
    with told if in_mlflow else nullcontext(), noted, ended_by_signals(cancel_work) as is_cancelled:
        try:
            yield lambda summary: end({"status": "succeeded", **summary})
        except (Exception, RunCancelled) as error:
            cancelled = RunCancelled() if is_cancelled() else None
            try:
                end(_describe_end(cancelled or error), job.progress.measure())
            except Exception:  # the store may be why it failed, and that is to be told
                log.exception("the end of run %s could not be noted in the store", job.run_id)
            if cancelled:
                raise cancelled from error
            raise


def _describe_end(error: BaseException) -> Summary:
    status = "cancelled" if isinstance(error, RunCancelled) else "failed"
    return {"status": status, "error": describe(error)}


def _read_submission() -> Submitted:
    """How the door began the run; else the command line and the configuration are all there is."""
    told = json.loads(os.environ.get(SUBMISSION, "{}"))
    lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
    plain = Submitted(arguments=tuple(sys.argv[1:]), conf=os.environ.get("MALGIL_CONF", "local"))
    return replace(plain, **{**told, **lists})


def _take_environment() -> None:
    """The submitting shell's secrets and hosts, which a driver in a cluster gets as a private file in its folder."""
    if path := os.environ.get("MALGIL_ENVIRONMENT"):
        os.environ.update(json.loads(Path(path).read_text(encoding="utf8")))


def _report(summary: Summary) -> None:
    """To the file that the door reads; without a door, to stdout as its last line."""
    line = json.dumps(summary, ensure_ascii=False)
    if url := os.environ.get("MALGIL_SUMMARY"):
        write_bytes(url, f"{line}\n".encode())
    else:
        print(line, flush=True)
