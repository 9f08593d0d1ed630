"""Clean messages to pairs: who answered what, and no question in two splits."""

import hashlib
from datetime import datetime, timedelta, timezone

import pytest
from pyspark.sql import DataFrame, SparkSession

from pipelines.cleaning import split_answers
from pipelines.pairs import PairsConfig, drop_repeated_pairs, pair_messages
from pipelines.schemas import MESSAGE
from pipelines.training_set import TrainingSetConfig, assign_splits

Line = tuple[str, str | None, str | None, int | None, str, str | None]  # id, room, speaker, second, text, reply_to
NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


def messages(spark: SparkSession, lines: list[Line]) -> DataFrame:
    rows = [
        (
            message_id, room, None, speaker, None if second is None else NOON + timedelta(seconds=second),
            text, None, reply_to, None, hashlib.md5(text.encode()).digest(), None, None,
        )
        for message_id, room, speaker, second, text, reply_to in lines
    ]  # fmt: skip
    return spark.createDataFrame(rows, MESSAGE)


def found(spark: SparkSession, lines: list[Line]) -> list[tuple[str, str]]:
    pairs = pair_messages(messages(spark, lines), PairsConfig(window_s=60, max_reply_chars=20)).collect()
    return sorted((row["text"], row["reply"]) for row in pairs)


def test_an_answer_goes_to_the_message_just_before_it_in_its_room(spark: SparkSession) -> None:
    lines: list[Line] = [
        ("1", "r1", "customer", 0, "배송 언제 와요", None),
        ("2", "r2", "customer", 1, "환불할래요", None),
        ("3", "r1", "agent", 20, "내일 갑니다", None),
        ("4", "r1", "agent", 25, "더 궁금하신 점 있나요", None),  # goes to the agent's own message
        ("5", "r2", "agent", 70, "환불해 드릴게요", None),  # too late
        ("6", "r2", "customer", 80, "네?", None),
        ("7", "r2", "agent", 81, "아주 길고 긴 답변이라서 제안할 만한 것이 못 됩니다", None),
        ("8", None, "customer", 80, "안녕하세요", None),
        ("9", None, "agent", 81, "반갑습니다", None),
    ]
    assert found(spark, lines) == [("배송 언제 와요", "내일 갑니다")]


def test_an_answer_that_names_its_question_goes_to_that_one_only(spark: SparkSession) -> None:
    lines: list[Line] = [
        ("1", "r1", "customer", 0, "배송 언제 와요", None),
        ("2", "r1", "customer", 10, "주문 취소할래요", None),
        ("3", "r1", "agent", 500, "내일 갑니다", "1"),
        ("4", "r1", "customer", 501, "감사합니다", None),
        ("5", "r1", "agent", 502, "취소했습니다", "2"),
        ("6", "r1", "agent", 503, "네", "unknown"),
        ("7", "r1", "agent", 504, "저에게 하는 말", "5"),  # an agent's message is no question
    ]
    assert found(spark, lines) == [("배송 언제 와요", "내일 갑니다"), ("주문 취소할래요", "취소했습니다")]


def test_a_question_stands_in_one_split_and_a_pair_once(spark: SparkSession) -> None:
    lines: list[Line] = [
        line
        for i in range(600)
        for line in (
            (f"q{i}", f"r{i}", "customer", 0, f"질문 {i % 200}", None),
            (f"a{i}", f"r{i}", "agent", 1, f"답 {i % 200} {i % 2}", None),
        )
    ]
    pairs = pair_messages(messages(spark, lines), PairsConfig())
    split = drop_repeated_pairs(assign_splits(pairs, TrainingSetConfig(), has_validation=False)).collect()
    splits: dict[str, set[str]] = {}
    for row in split:
        splits.setdefault(row["text"], set()).add(row["split"])
    assert len(split) == len({(row["text"], row["reply"]) for row in split}) == 200
    assert all(len(of_text) == 1 for of_text in splits.values())
    assert {row["split"] for row in split} == {"train", "validation", "test"}


@pytest.mark.parametrize("room", [None, "r1"])
def test_a_row_with_a_question_and_its_answer_is_two_messages(spark: SparkSession, room: str | None) -> None:
    schema = (
        "message_id string, room_id string, speaker string, text string, intent string, reply_to string, reply string,"
        " problem string, source_file string, source_block long, line string,"
        " spans string"
    )
    rows = [
        ("m1", room, None, "뭐 해", "daily", None, "생각해요", None, "/f.csv", 0, "뭐 해,생각해요", None),
        (None, room, "customer", "안녕", None, None, " ", None, "/f.csv", 0, "안녕,", None),
        (None, None, None, None, None, None, "답", "missing_text", "/f.csv", 0, ",답", None),
    ]
    split = split_answers(spark.createDataFrame(rows, schema)).collect()
    assert [(r.message_id, r.room_id, r.speaker, r.text, r.intent, r.reply_to) for r in split] == [
        ("m1", room or "m1", "customer", "뭐 해", "daily", None),
        ("m1-reply", room or "m1", "agent", "생각해요", None, "m1"),
        (None, room, "customer", "안녕", None, None),
        (None, None, None, None, None, None),
    ]
