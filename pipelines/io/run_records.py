"""What a run of a job leaves in the store: `runs/<job>/<run_id>.json`, with its settings, its code, and how it ended.

The outputs of the run name it in their origins; `trace` follows them here.
"""

import json
import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from heapq import nlargest
from typing import Any

from pipelines.errors import MalgilError
from pipelines.io.driver_process import DriverProcess, this_process
from pipelines.io.run_progress import RunProgress, read_progress, remove_progress
from pipelines.io.store import Maker, Store, cannot_write, content_id
from pipelines.io.tracking import git_commit, hide_credentials

_KIND = "runs"
_USER_VARIABLES = ("HADOOP_USER_NAME", "LOGNAME", "USER")


@dataclass(frozen=True)
class Submitted:
    """How a run was begun, so that it can be begun again."""

    arguments: tuple[str, ...] = ()  # section.key=value and spark.property=value; passwords in URLs are left out
    conf: str = "local"
    spec: str = ""  # the job spec; empty of a run that none began
    queue: str = ""
    attempt: int = 1  # of those that the spec allows
    retry_of: str = ""  # the run that failed before
    notify: tuple[str, ...] = ()  # whom the spec names


@dataclass(frozen=True)
class RunRecord:
    """A run, as it began, and how it ended; of one that was killed, only the beginning."""

    job: str
    run_id: str
    now: str  # its one clock, ISO 8601: what it dates carries this time
    user: str
    commit: str  # of the code
    application: str | None  # Spark's id of it: on YARN the application's
    settings: Mapping[str, Any]  # all of them; passwords in URLs are left out
    settings_id: str  # equal for equal settings
    status: str = "started"  # started, succeeded, failed or cancelled
    summary: Mapping[str, Any] | None = None  # what it reported at its end
    ended_at: str | None = None  # ISO 8601
    driver: DriverProcess | None = None  # the process that it ran in; of runs from before that was noted, none
    submission: Submitted = field(default_factory=Submitted)
    progress: Mapping[str, Any] | None = None  # how far it came, of one that did not succeed

    @property
    def lasted_s(self) -> float | None:
        """From its start to its end; None of one that has not ended, or was killed."""
        if self.ended_at is None:
            return None
        return (datetime.fromisoformat(self.ended_at) - datetime.fromisoformat(self.now)).total_seconds()


def begin_record(
    store: Store,
    maker: Maker,
    *,
    settings: Mapping[str, Any],
    application: str | None,
    submission: Submitted | None = None,
) -> RunRecord:
    """The record of a run that begins in this process, which stands in the store from here on.

    Raises MalgilError where the store cannot be written to.
    """
    told, submitted = tell_settings(settings), submission or Submitted()
    hidden = tuple(hide_credentials(argument) for argument in submitted.arguments)
    record = RunRecord(
        **asdict(maker), user=find_user(), commit=git_commit(), application=application, settings=told,
        settings_id=content_id(told), driver=this_process(), submission=replace(submitted, arguments=hidden),
    )  # fmt: skip
    try:
        _write(store, record)
    except (OSError, RuntimeError) as error:
        raise cannot_write(store.root, error) from error
    return record


def tell_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as a record holds them; `content_id` of it is its `settings_id`."""
    return dict(json.loads(hide_credentials(json.dumps(settings, ensure_ascii=False, default=str))))


def end_record(
    store: Store,
    record: RunRecord,
    summary: Mapping[str, Any],
    *,
    ended_at: datetime,
    progress: RunProgress | None = None,
) -> None:
    """Note how the run ended: `summary` is what it reports, its `status` included; `progress`, how far it came."""
    ended = replace(record, status=summary["status"], summary=summary, ended_at=ended_at.isoformat())
    _write(store, replace(ended, progress=asdict(progress) if progress else None))


def note_end(store: Store, job: str, run_id: str, reason: str) -> RunRecord | None:
    """Note that a run was ended from outside, if it did not note its own end; its record then, None where it has none.

    A driver that YARN kills has no time to.
    """
    record = read_record(store, job, run_id)
    if record is None or record.status != "started":
        return record
    summary = {"status": "cancelled", "error": reason}
    end_record(store, record, summary, ended_at=datetime.now(timezone.utc), progress=read_progress(store, job, run_id))
    remove_progress(store, job, run_id)
    return read_record(store, job, run_id)


def read_record(store: Store, job: str, run_id: str) -> RunRecord | None:
    """None of a run that left none in this store."""
    url = _url(store, job, run_id)
    if not store.exists(url):
        return None
    found = store.read_json(url)
    driver, submission = found.pop("driver", None), found.pop("submission", {})
    lists = {name: tuple(value) for name, value in submission.items() if isinstance(value, list)}
    return RunRecord(
        **found, driver=DriverProcess(**driver) if driver else None, submission=Submitted(**{**submission, **lists})
    )


def list_records(store: Store, job: str) -> Iterator[RunRecord]:
    """Those of a job, the newest first; each is read when it is asked for."""
    run_ids = _list_ids(store, job)  # a run's id begins with the time of its start
    found = (read_record(store, job, run_id) for run_id in sorted(run_ids, reverse=True))
    return (record for record in found if record)


def list_newest(store: Store, most: int) -> list[RunRecord]:
    """The newest runs of all jobs, the newest first."""
    run_ids = ((run_id, job) for job in store.list_names(_KIND) for run_id in _list_ids(store, job))
    found = (read_record(store, job, run_id) for run_id, job in nlargest(most, run_ids))
    return [record for record in found if record]


def look_for_run(store: Store, run_id: str) -> RunRecord | None:
    """The run of this id, whatever its job; None where there is none."""
    found = (read_record(store, job, run_id) for job in store.list_names(_KIND))
    return next((record for record in found if record), None)


def find_run(store: Store, run_id: str) -> RunRecord:
    """The run of this id, whatever its job. Raises MalgilError where there is none."""
    record = look_for_run(store, run_id)
    if record is None:
        raise MalgilError(f"run {run_id}: expected its record in {store.root}, found none; see ./spark-submit.sh jobs")
    return record


def find_user() -> str:
    """Whom YARN knows, else whom this machine does, else a number: a container's user may have no name."""
    named = (os.environ[name] for name in _USER_VARIABLES if os.environ.get(name))
    known = {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()}
    return next(named, known.get(os.getuid(), str(os.getuid())))


def _list_ids(store: Store, job: str) -> Iterator[str]:
    """Of the records that are whole; one that is being written has a hidden name."""
    return (name.removesuffix(".json") for name in store.list_names(_KIND, job) if not name.startswith("."))


def _write(store: Store, record: RunRecord) -> None:
    store.write_json(_url(store, record.job, record.run_id), asdict(record))


def _url(store: Store, job: str, run_id: str) -> str:
    return store.url(_KIND, job, f"{run_id}.json")
