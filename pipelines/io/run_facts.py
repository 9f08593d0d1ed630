"""A run as MLflow's words tell it: what of its record is a parameter, a tag or a number.

What a record may not hold, MLflow does not get either: passwords in URLs are left out, and no message text is in them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.io.run_progress import RunProgress, StepNote, count_rows
from pipelines.io.run_records import RunRecord
from pipelines.io.tracking import flatten, hide_credentials

RUN_ID = "malgil_run"  # the tag that trainings' runs have as well
_STATUS = {"started": "RUNNING", "succeeded": "FINISHED", "failed": "FAILED"}  # any other was ended from outside
_STRANGE = re.compile(r"[^\w.\- ]+")  # what MLflow takes in no name
_LONGEST_NAME = 250
_NO_FACTS = ("history", "status", "error")  # a training's own run has the first, tags of their own the others
_LONGEST = 5000  # characters of a tag; servers of before MLflow 3 take no more


@dataclass(frozen=True)
class RunFacts:
    """What is told of a run, or of a step of one."""

    status: str  # MLflow's
    tags: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)


def list_parameters(settings: Mapping[str, Any]) -> dict[str, str]:
    """All settings; of two raw labels whose names are one for MLflow, the last one: `settings_id` tells them apart."""
    return {_name(key): _tell(value) for key, value in flatten(settings).items()}


def describe_begin(record: RunRecord) -> dict[str, str]:
    """The tags that a run has from its start."""
    submitted = record.submission
    told = {
        "job": record.job, RUN_ID: record.run_id, "user": record.user, "commit": record.commit,
        "host": record.driver.host if record.driver else None, "application": record.application,
        "settings_id": record.settings_id, "conf": submitted.conf, "spec": submitted.spec, "queue": submitted.queue,
        "attempt": submitted.attempt, "retry_of": submitted.retry_of,
        "mlflow.user": record.user, "mlflow.source.name": record.job, "mlflow.source.git.commit": record.commit,
    }  # fmt: skip
    return {name: _tell(value) for name, value in told.items() if value}


def describe_run(record: RunRecord, status: str, made: Mapping[str, Mapping[str, Any]]) -> RunFacts:
    """How a run is, or how it ended; `made` are the store's outputs, each with what it was made from."""
    summary = record.summary or {}
    told = {
        "status": status, "exit_reason": summary.get("error") or ("" if status == "started" else status),
        "made": sorted(made), "made_from": _gather(made),
    }  # fmt: skip
    tags = {name: _tell(value) for name, value in told.items() if value}
    lasted = {} if record.lasted_s is None else {"elapsed_s": record.lasted_s}
    return RunFacts(
        _STATUS.get(status, "KILLED"), {**_list_tags(summary), **tags}, {**_list_numbers(summary), **lasted}
    )


def describe_step(note: StepNote) -> RunFacts:
    """How a step is, or how it ended."""
    summary = note.summary or {}
    return RunFacts(
        _STATUS.get(note.status, "KILLED"), {**_list_tags(summary), "status": note.status}, _list_numbers(summary)
    )


def describe_progress(progress: RunProgress) -> RunFacts:
    """How far a run that goes is; numbers of what it does not count are left out."""
    counted = {
        "progress.done": progress.done, "progress.total": progress.total, "progress.rows": progress.rows,
        "progress.rows_per_s": progress.rows_per_s, "progress.lag": progress.facts.get("lag"),
    }  # fmt: skip
    left = {} if progress.left_s is None else {"progress.left_s": progress.left_s}
    offsets = {"offsets": _tell(progress.facts["offsets"])} if progress.facts.get("offsets") else {}
    tags = {"step": progress.step, "progress": progress.describe(), **offsets}
    return RunFacts("RUNNING", tags, {**{name: float(value) for name, value in counted.items() if value}, **left})


def _gather(made: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Of which kind what was read, but not made by the run itself: {"raw": […], "versions": […]}."""
    found: dict[str, set[str]] = {}
    for kind, value in (item for inputs in made.values() for item in inputs.items()):
        ids = value if isinstance(value, list | tuple) else [value]
        told = (one if isinstance(one, str) else _tell(one) for one in ids if one and not _is_number(one))
        found.setdefault(kind, set()).update(one for one in told if f"{kind}/{one}" not in made)
    return {kind: sorted(ids) for kind, ids in found.items() if ids}


def _list_tags(summary: Mapping[str, Any]) -> dict[str, str]:
    told = ((name, value) for name, value in _walk(summary) if not _is_number(value))
    return {name: _tell(value) for name, value in told if value not in (None, "", {})}


def _list_numbers(summary: Mapping[str, Any]) -> dict[str, float]:
    """Those that the summary has, and as every step's the rows and their rate."""
    numbers = {name: float(value) for name, value in _walk(summary) if _is_number(value)}
    rows, seconds = count_rows(summary), numbers.get("seconds", 0.0)
    rate = {"rows_per_s": round(rows / seconds, 1)} if rows and seconds and not summary.get("skipped") else {}
    return {**rate, **numbers, **({"rows": float(rows)} if rows else {})}


def _walk(summary: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a summary says, by names that MLflow takes; Kafka's offsets as they are."""
    for key, value in summary.items():
        if isinstance(value, Mapping) and key != "offsets":
            yield from ((_name(f"{key}.{name}"), inner) for name, inner in _walk(value))
        elif key not in _NO_FACTS:
            yield _name(key), value


def _name(key: str) -> str:
    return _STRANGE.sub("_", key)[:_LONGEST_NAME]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return hide_credentials(text)[:_LONGEST]
