"""A request's body as a row that is ready for the model: the reasons and fields of a record of the messages topic."""

import json
import uuid
from datetime import datetime
from typing import Any

from pipelines.live_prediction import Row

_NAMED = ("message_id", "room_id", "bot_id")


def read_body(body: bytes, *, max_bytes: int, received_at: datetime) -> Row:
    """What live_prediction reads of a row of LIVE_MESSAGE, `sent_at` the time that the request came.

    A message without an id gets one. Of a body that is no message, `known_reason` says why: too_long, invalid_utf8,
    broken_json, nul_character, wrong_type or missing_text.
    """
    message, reason = ({}, "too_long") if len(body) > max_bytes else _parse(body)
    return {
        **{name: message.get(name) for name in _NAMED},
        "message_id": message.get("message_id") or uuid.uuid4().hex,
        "sent_at": received_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "sent_us": None,
        "text": message.get("text"),
        "known_reason": reason,
        "is_screened": True,
    }


def _parse(body: bytes) -> tuple[dict[str, Any], str | None]:
    """The message, empty where it is none, and why it is none."""
    try:
        message = json.loads(body.decode())
    except UnicodeDecodeError:
        return {}, "invalid_utf8"
    except (ValueError, RecursionError):
        return {}, "broken_json"
    reason = _find_fault(message) if isinstance(message, dict) else "wrong_type"
    return ({}, reason) if reason else (message, None)


def _find_fault(message: dict[str, Any]) -> str | None:
    text = message.get("text")
    if not all(isinstance(message.get(name), str | None) for name in (*_NAMED, "text")):
        return "wrong_type"
    if text is None or not text.strip():
        return "missing_text"
    if "\x00" in text:
        return "nul_character"
    return None if _is_unicode(message) else "invalid_utf8"


def _is_unicode(message: dict[str, Any]) -> bool:
    r"""Whether no string is half a character, which JSON can write ("\ud800") and UTF-8 cannot."""
    try:
        "".join(message.get(name) or "" for name in (*_NAMED, "text")).encode()
    except UnicodeEncodeError:
        return False
    return True
