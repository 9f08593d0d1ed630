"""What a champion is fine-tuned on: corrections that it may learn, old rows without their texts, and the judges."""

import hashlib
from collections import Counter
from datetime import date, datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pipelines.encoding import FeatureConfig
from pipelines.feed import read_facts
from pipelines.feedback import FEEDBACK, HELD_OUT, FeedbackConfig
from pipelines.io.feedback_store import FiledFeedback, publish_feedback
from pipelines.io.fine_tuning_set import FineTuning, publish_fine_tuning_set
from pipelines.io.snapshots import publish_snapshot, read_encoder, read_snapshot
from pipelines.io.store import Manifest, Store, StoreConfig
from pipelines.schemas import MESSAGE
from pipelines.training_set import TrainingSetConfig

TRAINING_SET = TrainingSetConfig(features={"letters": FeatureConfig("characters", 10, min_count=1)}, min_shards=2)
DAY, NOW = date(2026, 5, 1), datetime(2026, 5, 1, tzinfo=timezone.utc)


def key(text: str) -> bytes:
    return hashlib.md5(text.encode()).digest()


@pytest.fixture
def store(spark: SparkSession, tmp_path: Path) -> Store:
    """With the snapshot `base`: 20 training rows, one test row and one for validation."""
    store = Store(StoreConfig(str(tmp_path)))
    rows = [(f"m{i}", f"배송 {i}", "delivery" if i % 2 else "refund", "train") for i in range(20)]
    rows += [("test", "환불 시험", "refund", "test"), ("validation", "배송 검증", "delivery", "validation")]
    values = [
        (i, None, None, None, None, text, intent, None, split, key(text), None, None) for i, text, intent, split in rows
    ]
    publish_snapshot(store, "base", spark.createDataFrame(values, MESSAGE), TRAINING_SET, has_validation=True)
    return store


def file(spark: SparkSession, store: Store, name: str, told: list[tuple[str, str, str]]) -> str:
    """An output of corrections from (message_id, text, intent)."""
    rows = [
        (message_id, None, None, text, key(text), intent, "refund", NOW, 0, offset, None, "5ha")
        for offset, (message_id, text, intent) in enumerate(told)
    ]
    publish_feedback(store, DAY, name, spark.createDataFrame(rows, FEEDBACK))
    return f"{DAY.isoformat()}/{name}"


def tune(spark: SparkSession, store: Store, filed: FiledFeedback, *, held_out_share: float) -> Manifest:
    encoder = read_encoder(store, store.url("snapshots", "base"))
    config = FeedbackConfig(held_out_share=held_out_share, repeats=3)
    tuning = FineTuning(filed, "base", encoder, config, TRAINING_SET)
    return publish_fine_tuning_set(spark, store, "tuned", tuning)


def test_corrections_stand_beside_old_rows_and_unknown_intents_are_counted(spark: SparkSession, store: Store) -> None:
    told = [
        ("c1", "배송 3", "refund"),
        ("c2", "새 말", "refund"),
        ("c3", "환불 시험", "delivery"),
        ("c4", "딴말", "exchange"),
    ]
    new = file(spark, store, "a", told)
    manifest = tune(spark, store, FiledFeedback(new=(new,), trusted=()), held_out_share=0.0)
    assert manifest["feedback"] == {"learned": 2, HELD_OUT: 1, "unknown_intent": 1}
    assert manifest["rows"] == {"train": 2 * 3 + 19, "validation": 2 + 1, HELD_OUT: 1}
    url = store.url("snapshots", "tuned")
    train = read_snapshot(spark, url, "train").collect()
    counts = Counter((row["text"], row["intent"]) for row in train)
    assert counts["배송 3", "refund"] == counts["새 말", "refund"] == 3
    assert counts["배송 3", "delivery"] == counts["환불 시험", "delivery"] == counts["딴말", "exchange"] == 0
    (held_out,) = read_snapshot(spark, url, HELD_OUT).collect()
    assert (held_out["text"], held_out["intent"]) == ("환불 시험", "delivery")
    encoder = read_encoder(store, url)
    assert all(row["letters"] == encoder.encode([row["text"]])["letters"][0].tolist() for row in train)
    assert read_facts(url).row_groups["train"] >= 2


def test_what_was_judged_before_is_learned_and_judges_no_more(spark: SparkSession, store: Store) -> None:
    new = file(spark, store, "new", [(f"n{i}", f"새 말 {i}", "refund") for i in range(40)])
    trusted = file(spark, store, "old", [(f"o{i}", f"헌 말 {i}", "refund") for i in range(40)])
    manifest = tune(spark, store, FiledFeedback(new=(new,), trusted=(trusted,)), held_out_share=0.5)
    held_out = {
        row["message_id"][0] for row in read_snapshot(spark, store.url("snapshots", "tuned"), HELD_OUT).collect()
    }
    learned = {row["message_id"][0] for row in read_snapshot(spark, store.url("snapshots", "tuned"), "train").collect()}
    assert (held_out, learned) == ({"n"}, {"n", "o", "m"})
    assert 10 < manifest["feedback"][HELD_OUT] < 30
