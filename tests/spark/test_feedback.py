"""Corrections as rows: the newest of a message, the held-out ones by their text, and a replay that does not change."""

import hashlib
from dataclasses import replace
from datetime import date, datetime, timezone

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.feedback import (
    FEEDBACK,
    HELD_OUT,
    FeedbackConfig,
    add_corrections,
    is_held_out,
    latest_corrections,
    sample_rows,
    without_texts,
)
from pipelines.io.feedback_store import (
    count_corrections,
    find_feedback,
    publish_feedback,
    read_corrections,
    read_feedback,
    write_verdict,
)
from pipelines.io.store import Store, StoreConfig
from pipelines.schemas import MESSAGE
from pipelines.training_set import TrainingSetConfig

DAY = date(2026, 5, 1)


def corrections(spark: SparkSession, rows: list[tuple[str, str, int, int]], reason: str | None = None) -> DataFrame:
    """From (message_id, intent, minute, offset)."""
    values = [
        (
            message_id, "방1", "shop", f"{message_id} 언제 와요", key(message_id), intent,
            "refund", datetime(2026, 5, 1, 9, minute, tzinfo=timezone.utc), 0, offset, reason, "5ha",
        )
        for message_id, intent, minute, offset in rows
    ]  # fmt: skip
    return spark.createDataFrame(values, FEEDBACK)


def test_the_newest_correction_of_a_message_counts_and_one_that_stands_twice_is_one(spark: SparkSession) -> None:
    rows = [("m1", "delivery", 5, 3), ("m1", "refund", 5, 2), ("m1", "order", 1, 9), ("m2", "order", 1, 9)]
    found = latest_corrections(corrections(spark, [*rows, *rows])).collect()
    assert sorted((row["message_id"], row["intent"]) for row in found) == [("m1", "delivery"), ("m2", "order")]
    assert found[0].__fields__ == FEEDBACK.fieldNames()


def test_equal_texts_are_held_out_together_at_about_the_share(spark: SparkSession) -> None:
    rows = corrections(spark, [(f"m{i % 1000}", "delivery", 1, i) for i in range(2_000)])
    found = rows.select("text", is_held_out(FeedbackConfig()).alias("is_held_out")).distinct().collect()
    assert len(found) == 1_000
    assert 250 < sum(row["is_held_out"] for row in found) < 350


def test_a_replay_is_a_sample_that_does_not_change_and_lacks_corrected_texts(spark: SparkSession) -> None:
    rows = corrections(spark, [(f"m{i}", "delivery", 1, i) for i in range(1_000)])
    sampled = [row["message_id"] for row in sample_rows(rows, wanted=200, total=1_000).collect()]
    again = [row["message_id"] for row in sample_rows(rows.repartition(3), wanted=200, total=1_000).collect()]
    assert sorted(sampled) == sorted(again)
    assert 150 < len(sampled) < 250
    assert sample_rows(rows, wanted=5_000, total=1_000).count() == 1_000
    left = without_texts(rows, corrections(spark, [(sampled[0], "refund", 1, 0)])).select("message_id").collect()
    assert {row["message_id"] for row in left} == {f"m{i}" for i in range(1_000)} - {sampled[0]}


def test_what_is_filed_is_found_by_its_day_until_the_gate_refuses_it(spark: SparkSession, tmp_path: object) -> None:
    store, config = Store(StoreConfig(str(tmp_path))), FeedbackConfig(days=2)
    for day, name in [(28, "old"), (29, "b"), (29, "a"), (30, "c")]:
        rows = corrections(spark, [(f"{name}{i}", "delivery", 1, i) for i in range(3)])
        bad = corrections(spark, [("x", "delivery", 1, 9)], reason="unknown_message")
        manifest = publish_feedback(store, date(2026, 4, day), name, rows.unionByName(bad))
        assert manifest == {"read": 4, "filed": 3, "dead_letters": {"unknown_message": 1}}
    filed = find_feedback(store, config, until=DAY)
    assert (filed.new, filed.trusted) == (("2026-04-29/a", "2026-04-29/b", "2026-04-30/c"), ())
    assert count_corrections(store, filed.new) == 9
    assert read_feedback(spark, store, filed.new).count() == 12
    assert read_corrections(spark, store, filed).where("is_new").count() == 9

    write_verdict(store, date(2026, 4, 30), filed.new[:1], is_trusted=False, reason="flipped")
    write_verdict(store, date(2026, 4, 30), filed.new[1:2], is_trusted=True, reason="good")
    judged = find_feedback(store, config, until=DAY)
    assert (judged.new, judged.trusted) == (("2026-04-30/c",), ("2026-04-29/b",))
    yesterday = find_feedback(store, replace(config, days=1), until=date(2026, 4, 30))
    assert (yesterday.new, yesterday.trusted) == (("2026-04-29/a", "2026-04-29/b"), ())


def test_filed_once_stays(spark: SparkSession, tmp_path: object) -> None:
    store = Store(StoreConfig(str(tmp_path)))
    publish_feedback(store, DAY, "a", corrections(spark, [("m1", "delivery", 1, 1)]))
    again = publish_feedback(store, DAY, "a", corrections(spark, [("m1", "delivery", 1, 1)] * 2))
    assert again["filed"] == 1


@pytest.mark.parametrize("outputs", [[], ["2026-05-01/a"]])
def test_nothing_filed_is_no_rows(spark: SparkSession, tmp_path: object, outputs: list[str]) -> None:
    store = Store(StoreConfig(str(tmp_path)))
    if outputs:
        publish_feedback(store, DAY, "a", corrections(spark, []))
    assert read_feedback(spark, store, outputs).collect() == []


def clean(spark: SparkSession, rows: list[tuple[str, str | None, str]]) -> DataFrame:
    """Clean messages from (message_id, intent, split); the text is that of the correction of this message."""
    values = [
        (name, "방1", "shop", "customer", None, f"{name} 언제 와요", intent, None, split, key(name), None, None)
        for name, intent, split in rows
    ]
    return spark.createDataFrame(values, MESSAGE)


def key(name: str) -> bytes:
    return hashlib.md5(name.encode()).digest()


def test_corrections_relabel_training_rows_add_new_ones_and_leave_the_test_alone(spark: SparkSession) -> None:
    config, training_set = FeedbackConfig(held_out_share=0.0), TrainingSetConfig()
    rows = clean(
        spark, [("m1", "refund", "train"), ("m2", None, "train"), ("m3", "refund", "test"), ("m4", "x", "train")]
    )
    told = [("m1", "delivery", 1, 1), ("m2", "delivery", 1, 2), ("m3", "delivery", 1, 3), ("new1", "order", 1, 4)]
    found = add_corrections(rows, mark_new(corrections(spark, told)), config, training_set)
    assert found.schema.fieldNames() == MESSAGE.fieldNames()
    assert sorted((row["message_id"], row["intent"], row["split"]) for row in found.collect()) == [
        ("m1", "delivery", "train"), ("m2", "delivery", "train"), ("m3", "refund", "test"), ("m4", "x", "train"),
        ("new1", "order", "train"),
    ]  # fmt: skip


def test_new_texts_whose_hash_is_the_tests_are_not_learned(spark: SparkSession) -> None:
    told = mark_new(corrections(spark, [(f"n{i}", "order", 1, i) for i in range(400)]))
    rows = clean(spark, [("m1", "refund", "train")])
    whole = add_corrections(rows, told, FeedbackConfig(held_out_share=0.0), TrainingSetConfig(test_share=0.5))
    assert 100 < whole.count() < 220
    assert {row["split"] for row in whole.select("split").distinct().collect()} == {"train"}


def test_new_corrections_that_are_held_out_are_a_split_of_their_own(spark: SparkSession) -> None:
    new = mark_new(corrections(spark, [("m1", "delivery", 1, 1), ("new1", "order", 1, 2)]))
    told = new.unionByName(corrections(spark, [("old1", "order", 1, 3)]).withColumn("is_new", F.lit(False)))
    rows = clean(spark, [("m1", "refund", "train")])
    found = add_corrections(rows, told, FeedbackConfig(held_out_share=1.0), TrainingSetConfig())
    assert sorted((row["message_id"], row["intent"], row["split"]) for row in found.collect()) == [
        ("m1", "delivery", HELD_OUT), ("m1", "refund", "train"), ("new1", "order", HELD_OUT)
    ]  # fmt: skip


def mark_new(rows: DataFrame) -> DataFrame:
    return rows.withColumn("is_new", F.lit(True))
