"""A record of the feedback topic: which intent is right for a message, and the reason where it cannot be used."""

import json
from dataclasses import dataclass
from typing import Any

from udfs.masking import mask_pii

FIELDS = ("message_id", "intent")
MAX_CHARS = 200  # of an id or an intent: neither is a place for what people said


@dataclass(frozen=True)
class Correction:
    """What somebody says is right."""

    message_id: str
    intent: str


def read_correction(value: bytes | None, *, max_bytes: int) -> tuple[Correction | None, str | None]:
    """The correction, or why the record is none.

    Reasons: too_long, invalid_utf8, broken_json, unknown_field, missing_message_id, missing_intent, wrong_type (a
    field that is no short printable text) and invalid_intent (one with personal data).
    """
    if value is not None and len(value) > max_bytes:
        return None, "too_long"
    try:
        record = json.loads((value or b"").decode())
    except UnicodeDecodeError:
        return None, "invalid_utf8"
    except (ValueError, RecursionError):
        return None, "broken_json"
    reason = _find_fault(record)
    return (None, reason) if reason else (Correction(*(record[name].strip() for name in FIELDS)), None)


def _find_fault(record: Any) -> str | None:
    if not isinstance(record, dict):
        return "broken_json"
    if set(record) - set(FIELDS):
        return "unknown_field"
    for name in FIELDS:
        if record.get(name) in (None, ""):
            return f"missing_{name}"
        if not _is_short_text(record[name]):
            return "wrong_type"
    return "invalid_intent" if mask_pii(record["intent"]) != record["intent"] else None


def _is_short_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_CHARS and value.isprintable() and bool(value.strip())
