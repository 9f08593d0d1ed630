"""Raw lines to clean messages and quarantine: every row is counted, and what was said is masked."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.cleaning import CleaningConfig, clean_messages
from pipelines.deduplication import DeduplicationConfig, duplicate_reason
from pipelines.io.messages import publish_clean_messages, read_clean_messages, read_quarantine
from pipelines.io.raw_messages import ColumnsConfig, InputConfig, read_raw_messages
from pipelines.io.store import Manifest, Store, StoreConfig
from pipelines.parsing import parse_messages


def _message(text: str, second: int = 0, **fields: Any) -> str:
    message = {"message_id": f"{text}-{second}", "room_id": "r1", "speaker": "customer", "text": text}
    return json.dumps({**message, "sent_at": f"2026-05-01T10:{second // 60:02}:{second % 60:02}+09:00", **fields})


def _clean(spark: SparkSession, folder: Path, lines: list[str], **columns: str) -> tuple[Store, Manifest]:
    (folder / "raw.jsonl").write_text("\n".join(lines))
    source = InputConfig(path=str(folder / "raw.jsonl"), columns=ColumnsConfig(**columns))
    store, raw = Store(StoreConfig(str(folder / "store"))), read_raw_messages(spark, source)
    outcomes = clean_messages(parse_messages(raw, source), CleaningConfig())
    return store, publish_clean_messages(store, "a1", outcomes, raw)


def test_every_row_is_clean_or_in_quarantine_with_its_reason_and_line(spark: SparkSession, tmp_path: Path) -> None:
    lines = [_message("배송 언제 와요?"), "{broken 010-1234-5678", _message("ㅇ"), _message("hello there")]
    store, manifest = _clean(spark, tmp_path, lines)
    assert {key: manifest[key] for key in ("read", "clean", "rejected", "splits")} == {
        "read": 4,
        "clean": 1,
        "rejected": {"broken_json": 1, "not_korean": 1, "too_short": 1},
        "splits": {"none": 1},
    }
    rejected = read_quarantine(spark, store.url("quarantine", "a1")).orderBy("source_line").collect()
    assert [(row["source_line"], row["reason"]) for row in rejected] == [
        (2, "broken_json"),
        (3, "too_short"),
        (4, "not_korean"),
    ]
    assert rejected[0]["text"] == "{broken [전화번호]"
    assert len(rejected[0]["sha256"]) == 64


def test_no_personal_data_is_written_anywhere(spark: SparkSession, tmp_path: Path) -> None:
    store, manifest = _clean(spark, tmp_path, [_message("제 번호는 010-1234-5678이에요"), "{010 1234 5678"])
    written = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    texts = [
        row["text"]
        for kind in ("clean", "quarantine")
        for row in spark.read.parquet(store.url(kind, "a1", "data")).collect()
    ]
    assert written
    assert manifest["masked"] == 1
    assert not any(digits in text for text in texts for digits in ("1234", "5678"))


def test_repetition_is_judged_within_room_speaker_and_time(spark: SparkSession, tmp_path: Path) -> None:
    lines = [
        _message("환불해 주세요", 0),
        _message("환불해 주세요", 5),  # said twice
        _message("환불해주세요!!", 8),  # and once more, almost
        _message("환불해 주세요", 600),  # ten minutes later it is said anew
        _message("환불해 주세요", 6, room_id="r2"),  # another customer
    ]
    store, manifest = _clean(spark, tmp_path, lines)
    kept = read_clean_messages(spark, store.url("clean", "a1")).select("room_id", "message_id").collect()
    assert manifest["rejected"] == {"duplicate": 1, "near_duplicate": 1}
    assert sorted(tuple(row) for row in kept) == [
        ("r1", "환불해 주세요-0"),
        ("r1", "환불해 주세요-600"),
        ("r2", "환불해 주세요-6"),
    ]


@pytest.mark.parametrize(("split", "kept"), [("train", 1), ("dev", 3), ("test", 3)])
def test_held_out_rows_of_the_source_all_stay(spark: SparkSession, tmp_path: Path, split: str, kept: int) -> None:
    lines = [json.dumps({"text": text, "part": split}) for text in ("날씨 알려줘", "날씨 알려줘", "삶")]
    _, manifest = _clean(spark, tmp_path, lines, split="part")
    assert manifest["clean"] == kept


def test_rows_that_cannot_be_duplicates_do_not_meet_in_one_task(spark: SparkSession) -> None:
    nothing = F.lit(None).cast("string")
    rows = spark.range(0, 1000, 1, 2).select(
        (F.col("id") < 0).alias("may_be_duplicate"),
        *(nothing.alias(name) for name in ("room_id", "bot_id", "speaker", "text_key", "text")),
        F.lit(None).cast("timestamp").alias("sent_at"),
        F.lit("a").alias("source_file"), F.lit(0).alias("source_block"), F.col("id").alias("position"),
    )  # fmt: skip
    marked = duplicate_reason(rows, DeduplicationConfig())
    plan = marked._jdf.queryExecution().executedPlan().toString()
    tasks = marked.groupBy(F.spark_partition_id()).agg(F.count("duplicate"))
    spark.conf.set("spark.sql.adaptive.coalescePartitions.enabled", "false")
    try:
        assert len(tasks.collect()) == 2  # as many as the session's shuffles have
    finally:
        spark.conf.unset("spark.sql.adaptive.coalescePartitions.enabled")
    assert plan.count("Exchange hashpartitioning") == 1
