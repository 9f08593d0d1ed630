"""A job: what every target of the door is handed, and how it begins and ends.

Progress goes where the door reads it (its pipe; in a cluster, a file in the store), else to stderr. The summary
likewise, else it is the last line of stdout. Logs go to stderr.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from pyspark.sql import SparkSession

from models.files import write_bytes
from pipelines.errors import MalgilError
from pipelines.io.executors import executors_in_time
from pipelines.io.faults import explain_fault
from pipelines.io.progress import Progress, Step, silent_step
from pipelines.io.run_records import begin_record, end_record
from pipelines.io.session import create_session
from pipelines.io.store import Maker, Store
from pipelines.settings import Settings, load_settings

log = logging.getLogger("malgil")

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
        with _session(name) as spark, executors_in_time(spark, settings.yarn):
            plain = _open_job(name, run_id, settings, Progress(spark.sparkContext))
            job = Job(**vars(plain), spark=spark)
            with _recorded(job, spark.sparkContext.applicationId) as report:
                return report(run(job) if has_steps else run_step(job, name, run))

    _run(file, run_in_session)


def main_without_spark(file: str, run: Callable[[PlainJob], Summary], *, has_steps: bool = False) -> None:
    """As `main`, for a job that needs no Spark: the door starts it as plain Python, on this machine always."""

    def run_here(name: str, run_id: str, settings: Settings) -> Summary:
        job = _open_job(name, run_id, settings, Progress(None))
        with _recorded(job, None) as report:
            return report(run(job) if has_steps else run_step(job, name, run))

    _run(file, run_here)


def read_settings(*more: str) -> Settings:
    """The command line's settings, and `more` overrides after them."""
    return load_settings([*sys.argv[1:], *more], conf=os.environ.get("MALGIL_CONF", "local"))


def make_run_id() -> str:
    """A time and the process: runs sort by their start."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{os.getpid()}"


def describe(error: Exception) -> str:
    """One line for a person. Of an unexpected error only its type: its text may hold what people said."""
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
    except Exception as error:
        log.exception("%s failed", name)
        failure = {**head, "status": "failed", "error": describe(error)}
        _report({**failure, "elapsed_s": round(time.monotonic() - started, 1)})
        sys.exit(1)
    _report({**head, "elapsed_s": round(time.monotonic() - started, 1), **summary})


def _open_job(name: str, run_id: str, settings: Settings, progress: Progress) -> PlainJob:
    """To be called when Spark runs, if it is to: its start forks, which must not happen beside a store's threads."""
    now = datetime.now(timezone.utc)
    return PlainJob(
        name=name, run_id=run_id, now=now, settings=settings, progress=progress, step=silent_step(),
        store=Store(settings.store, Maker(name, run_id, now.isoformat())),
    )  # fmt: skip


@contextmanager
def _recorded(job: PlainJob, application: str | None) -> Iterator[Callable[[Summary], Summary]]:
    """Leaves the run's record in the store; what is given is handed the run's summary and gives it back."""
    maker = Maker(job.name, job.run_id, job.now.isoformat())
    record = begin_record(job.store, maker, settings=asdict(job.settings), application=application)

    def report(summary: Summary) -> Summary:
        end_record(job.store, record, {"status": "succeeded", **summary}, ended_at=datetime.now(timezone.utc))
        return summary

    try:
        yield report
    except Exception as error:
        try:
            failure = {"status": "failed", "error": describe(error)}
            end_record(job.store, record, failure, ended_at=datetime.now(timezone.utc))
        except Exception:  # the store may be why it failed, and that is to be told
            log.exception("the end of run %s could not be noted in the store", job.run_id)
        raise


@contextmanager
def _session(name: str) -> Iterator[SparkSession]:
    spark = create_session(name)
    try:
        yield spark
    finally:
        spark.stop()


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
