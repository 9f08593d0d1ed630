"""A record of feedback is a correction, or it has one reason why not."""

import json

import pytest

from pipelines.corrections import MAX_CHARS, Correction, read_correction

GOOD = {"message_id": "m1", "intent": "refund"}


def read(value: object) -> tuple[Correction | None, str | None]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_correction(data, max_bytes=1_000)


def test_a_correction_names_a_message_and_an_intent() -> None:
    assert read(GOOD) == (Correction("m1", "refund"), None)
    assert read({"message_id": " m1", "intent": "환불 "}) == (Correction("m1", "환불"), None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "broken_json"),
        (b'{"message_id": "m1"', "broken_json"),
        (b"[" * 900, "broken_json"),
        (["m1", "refund"], "broken_json"),
        (b'{"message_id": "\xff"}', "invalid_utf8"),
        (b" " * 1_001, "too_long"),
        ({**GOOD, "comment": "010-1234-5678"}, "unknown_field"),
        ({"intent": "refund"}, "missing_message_id"),
        ({**GOOD, "message_id": None}, "missing_message_id"),
        ({"message_id": "m1"}, "missing_intent"),
        ({**GOOD, "intent": ""}, "missing_intent"),
        ({**GOOD, "intent": 7}, "wrong_type"),
        ({**GOOD, "intent": "  "}, "wrong_type"),
        ({**GOOD, "intent": "\ud800"}, "wrong_type"),
        ({**GOOD, "message_id": "m" * (MAX_CHARS + 1)}, "wrong_type"),
        ({**GOOD, "intent": "010-1234-5678"}, "invalid_intent"),
    ],
)
def test_any_other_record_has_its_reason(value: object, reason: str) -> None:
    assert read(value) == (None, reason)


def test_a_record_without_a_value_is_none() -> None:
    assert read_correction(None, max_bytes=10) == (None, "broken_json")
