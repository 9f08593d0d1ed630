"""Records of the messages topic as rows for the model: what is read of each, and what of none."""

import hashlib
import json
from typing import Any

import pytest
from pyspark.sql import SparkSession

from pipelines.io.raw_messages import RawMessages
from pipelines.live_messages import LIVE_MESSAGE, parse_records

MESSAGE = {
    "message_id": "m1", "room_id": "방1", "bot_id": "shop", "speaker": "Customer ",
    "sent_at": "2026-05-01T09:00:00.25+09:00", "text": "배송은 언제 오나요?",
}  # fmt: skip
RECORD = "value binary, source_file string, source_block int, position long"
NOTHING = dict.fromkeys(("message_id", "room_id", "bot_id", "speaker", "sent_at", "sent_us", "text"))


def parse(spark: SparkSession, value: bytes | None) -> dict[str, Any]:
    rows = spark.createDataFrame([(value, "chat.messages", 1, 7)], RECORD)
    records = RawMessages(rows.withColumn("value", rows["value"].cast("string")), (), None)
    messages = parse_records(records, max_bytes=1_000, speakers=["customer"])
    assert messages.schema.fieldNames() == LIVE_MESSAGE.fieldNames()
    assert [f.dataType for f in messages.schema] == [f.dataType for f in LIVE_MESSAGE]
    (row,) = messages.collect()
    return dict(row.asDict())


def test_a_message_is_read_whole(spark: SparkSession) -> None:
    value = json.dumps(MESSAGE, ensure_ascii=False).encode()
    assert parse(spark, value) == {
        "partition": 1, "offset": 7, "sha256": hashlib.sha256(value).hexdigest(), "message_id": "m1",
        "room_id": "방1", "bot_id": "shop", "speaker": "customer", "sent_at": "2026-05-01T00:00:00.250000Z",
        "sent_us": 1_777_593_600_250_000, "text": MESSAGE["text"], "known_reason": None, "is_screened": True,
        "is_predicted": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"message_id": " "}, {"message_id": None, "known_reason": "missing_message_id"}),
        ({"speaker": "agent"}, {"speaker": "agent", "is_predicted": False}),
        ({"speaker": None}, {"speaker": None}),
        ({"speaker": "system"}, {"speaker": "system", "known_reason": "system_message", "is_predicted": False}),
        ({"split": "test"}, {"is_screened": False}),
        ({"sent_at": None}, {"sent_at": None, "sent_us": None}),
        ({"sent_at": 1e300}, {"sent_at": "+294247-01-10T04:00:54.775807Z", "sent_us": 2**63 - 1}),
        ({"text": "주문\0취소"}, {"text": "주문 취소", "known_reason": "nul_character"}),
        ({"text": "  "}, {"text": "  ", "known_reason": "missing_text"}),
        ({"text": 7}, {**NOTHING, "text": "7", "known_reason": "wrong_type", "is_predicted": True}),
        (
            {"room_id": {"phone": "010-2345-6789"}},
            {**NOTHING, "text": MESSAGE["text"], "known_reason": "wrong_type", "is_predicted": True},
        ),
        ({"sent_at": "어제"}, {**NOTHING, "text": MESSAGE["text"], "known_reason": "wrong_type", "is_predicted": True}),
    ],
)
def test_a_record_says_what_is_wrong_with_it(
    spark: SparkSession, changed: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = parse(spark, json.dumps({**MESSAGE, **changed}, ensure_ascii=False).encode())
    whole = parse(spark, json.dumps(MESSAGE, ensure_ascii=False).encode())
    assert found == {**whole, "sha256": found["sha256"], **expected}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'{"text": "010-2345-6789', "broken_json"),
        ("주문 취소".encode("cp949"), "invalid_utf8"),
        (json.dumps({**MESSAGE, "text": "배송 " * 500}).encode(), "too_long"),
        (b"", "missing_text"),
        (None, "missing_text"),
    ],
)
def test_of_what_cannot_be_read_nothing_is_taken(spark: SparkSession, value: bytes | None, reason: str) -> None:
    found = parse(spark, value)
    assert {name: found[name] for name in NOTHING} == NOTHING
    assert found["known_reason"] == reason
    assert found["sha256"] == (None if value is None else hashlib.sha256(value).hexdigest())
