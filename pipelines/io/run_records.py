"""What a run of a job leaves in the store: `runs/<job>/<run_id>.json`, with its settings, its code, and how it ended.

The outputs of the run name it in their origins; `trace` follows them here.
"""

import json
import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from heapq import nlargest
from typing import Any

from pipelines.errors import MalgilError
from pipelines.io.store import Maker, Store, cannot_write, content_id
from pipelines.io.tracking import git_commit, hide_credentials

_KIND = "runs"
_USER_VARIABLES = ("HADOOP_USER_NAME", "LOGNAME", "USER")


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
    status: str = "started"  # started, succeeded or failed
    summary: Mapping[str, Any] | None = None  # what it reported at its end
    ended_at: str | None = None  # ISO 8601


def begin_record(store: Store, maker: Maker, *, settings: Mapping[str, Any], application: str | None) -> RunRecord:
    """The record of a run that begins, which stands in the store from here on.

    Raises MalgilError where the store cannot be written to.
    """
    told = json.loads(hide_credentials(json.dumps(settings, ensure_ascii=False, default=str)))
    record = RunRecord(
        **asdict(maker), user=_find_user(), commit=git_commit(), application=application, settings=told,
        settings_id=content_id(told),
    )  # fmt: skip
    try:
        _write(store, record)
    except (OSError, RuntimeError) as error:
        raise cannot_write(store.root, error) from error
    return record


def end_record(store: Store, record: RunRecord, summary: Mapping[str, Any], *, ended_at: datetime) -> None:
    """Note how the run ended: `summary` is what it reports, its `status` included."""
    _write(store, replace(record, status=summary["status"], summary=summary, ended_at=ended_at.isoformat()))


def read_record(store: Store, job: str, run_id: str) -> RunRecord | None:
    """None of a run that left none in this store."""
    url = _url(store, job, run_id)
    return RunRecord(**store.read_json(url)) if store.exists(url) else None


def list_records(store: Store, job: str) -> Iterator[RunRecord]:
    """Those of a job, the newest first; each is read when it is asked for."""
    names = store.list_names(_KIND, job)  # a run's id begins with the time of its start
    found = (read_record(store, job, name.removesuffix(".json")) for name in sorted(names, reverse=True))
    return (record for record in found if record)


def list_newest(store: Store, most: int) -> list[RunRecord]:
    """The newest runs of all jobs, the newest first."""
    names = (
        (name.removesuffix(".json"), job) for job in store.list_names(_KIND) for name in store.list_names(_KIND, job)
    )
    found = (read_record(store, job, run_id) for run_id, job in nlargest(most, names))
    return [record for record in found if record]


def find_run(store: Store, run_id: str) -> RunRecord:
    """The run of this id, whatever its job. Raises MalgilError where there is none."""
    found = (read_record(store, job, run_id) for job in store.list_names(_KIND))
    record = next((record for record in found if record), None)
    if record is None:
        raise MalgilError(f"run {run_id}: expected its record in {store.root}, found none; see ./spark-submit.sh jobs")
    return record


def _write(store: Store, record: RunRecord) -> None:
    store.write_json(_url(store, record.job, record.run_id), asdict(record))


def _url(store: Store, job: str, run_id: str) -> str:
    return store.url(_KIND, job, f"{run_id}.json")


def _find_user() -> str:
    """Whom YARN knows, else whom this machine does, else a number: a container's user may have no name."""
    named = (os.environ[name] for name in _USER_VARIABLES if os.environ.get(name))
    known = {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()}
    return next(named, known.get(os.getuid(), str(os.getuid())))
