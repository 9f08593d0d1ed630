"""A request's body is a message, or has the reason that a record of the messages topic has."""

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from pipelines.http_messages import read_body

AT = datetime(2026, 5, 1, tzinfo=timezone.utc)
MESSAGE = {"message_id": "m1", "room_id": "방1", "bot_id": "shop", "text": "배송은 언제 오나요?"}


def read(body: bytes | dict[str, Any], *, max_bytes: int = 1000) -> dict[str, Any]:
    return dict(
        read_body(json.dumps(body).encode() if isinstance(body, dict) else body, max_bytes=max_bytes, received_at=AT)
    )


def test_a_message_is_read_as_it_was_sent() -> None:
    assert read({**MESSAGE, "sent_at": "ignored"}) == {
        **MESSAGE, "sent_at": "2026-05-01T00:00:00.000000Z", "sent_us": None, "known_reason": None, "is_screened": True,
    }  # fmt: skip


def test_only_the_text_must_be_there_and_an_id_is_made() -> None:
    one, other = (read({"text": "환불해 주세요"}) for _ in range(2))
    assert one["message_id"] != other["message_id"]
    assert (one["room_id"], one["bot_id"], one["known_reason"]) == (None, None, None)
    assert read({**MESSAGE, "message_id": ""})["message_id"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "broken_json"),
        (b'{"text": "', "broken_json"),
        (b"[" * 500, "broken_json"),
        ('{"text": "환불"}'.encode("cp949"), "invalid_utf8"),
        ('{"text": "환불"}'.encode("utf-16"), "invalid_utf8"),
        (b'{"text": "\\ud800"}', "invalid_utf8"),
        (b'["text"]', "wrong_type"),
        (b"7", "wrong_type"),
        ({"text": ["환불"]}, "wrong_type"),
        ({**MESSAGE, "room_id": {"id": 1}}, "wrong_type"),
        ({}, "missing_text"),
        ({"text": None}, "missing_text"),
        ({"text": " \n"}, "missing_text"),
        ({"text": "환불\x00"}, "nul_character"),
        ({**MESSAGE, "text": "가" * 1000}, "too_long"),
    ],
)
def test_what_is_no_message_has_its_reason_and_leaves_no_text(body: bytes | dict[str, Any], reason: str) -> None:
    row = read(body)
    assert (row["known_reason"], row["text"], row["room_id"]) == (reason, None, None)
