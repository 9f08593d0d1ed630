"""What people did by the console: one record an action in the store, `audit/<time>-<number>.json`."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any

from pipelines.errors import MalgilError
from pipelines.io.store import Store, cannot_write

_KIND = "audit"
BEGUN, SUCCEEDED, FAILED = "begun", "succeeded", "failed"


@dataclass(frozen=True)
class AuditRecord:
    """An action; one that is only begun was cut off, and may have been done or not."""

    id: str  # begins with the time
    at: str  # ISO 8601, UTC
    who: str
    address: str  # that the request came from
    what: str  # promote, roll_back, …
    of: Mapping[str, Any]  # what it was done to
    status: str = BEGUN
    result: Mapping[str, Any] | None = None  # what it gave, or the error


def do_audited(
    store: Store,
    act: Callable[[AuditRecord], Mapping[str, Any]],
    *,
    who: str,
    address: str,
    what: str,
    of: Mapping[str, Any],
) -> AuditRecord:
    """Do it, and leave its record, which stands in the store before `act` gets it; the record says how it ended.

    Raises MalgilError where the store takes no record: then nothing is done. An error of `act` ends in the record; one
    that is no MalgilError is raised as well.
    """
    now = datetime.now(timezone.utc)
    record = AuditRecord(f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}", now.isoformat(), who, address, what, of)
    try:
        _write(store, record)
    except (OSError, RuntimeError) as error:
        raise cannot_write(store.root, error) from error
    try:
        ended = replace(record, status=SUCCEEDED, result=dict(act(record)))
    except MalgilError as error:
        ended = replace(record, status=FAILED, result={"error": str(error)})
    except Exception as error:
        _write(store, replace(record, status=FAILED, result={"error": type(error).__name__}))
        raise
    _write(store, ended)
    return ended


def list_audit(store: Store, most: int) -> list[AuditRecord]:
    """The newest records, the newest first."""
    names = sorted(store.list_names(_KIND), reverse=True)[:most]
    return [AuditRecord(**store.read_json(store.url(_KIND, name))) for name in names]


def find_audit(store: Store, audit_id: str) -> AuditRecord | None:
    """The record of this id; None where there is none."""
    names = store.list_names(_KIND)
    name = f"{audit_id}.json"
    return AuditRecord(**store.read_json(store.url(_KIND, name))) if name in names else None


def _write(store: Store, record: AuditRecord) -> None:
    store.write_json(store.url(_KIND, f"{record.id}.json"), json.loads(json.dumps(asdict(record), default=str)))
