"""Corrections on a real Redis: filed with the message that was predicted, and once."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timezone
from pathlib import Path

import pytest
import redis
from pyspark.sql import SparkSession

from pipelines.feedback import FeedbackConfig
from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig
from pipelines.io.feedback_filing import FeedbackFiling
from pipelines.io.feedback_store import find_feedback
from pipelines.io.feedback_worker import FeedbackWorker
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.predicted_messages import keep_texts
from pipelines.io.redis_connection import RedisConfig, connect_redis
from pipelines.io.redis_writes import WRITE_FIRST, PredictionWrite, write_to_redis
from pipelines.io.store import Store, StoreConfig

Corrections = dict[str, tuple[str, str]]  # by message_id: the clean text and the right intent


def predict(client: redis.Redis, messages: Corrections) -> None:
    """What predict_stream leaves of these messages in Redis."""
    config = RedisConfig()
    keep_texts(client, {message_id: text for message_id, (text, _) in messages.items()}, config)
    value = {"room_id": "방1", "bot_id": "shop", "intent": "refund"}
    writes = [PredictionWrite(message_id, "방1", json.dumps(value)) for message_id in messages]
    write_to_redis(client, WRITE_FIRST, writes, config)


RECORD = "value binary, partition int, offset long, timestamp timestamp"


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisConfig]:
    config = RedisConfig(embedded=EmbeddedRedisConfig(directory=str(tmp_path / "redis")))
    yield config
    embedded_redis.stop(config.embedded)


def test_a_micro_batch_that_is_done_again_is_filed_once(
    spark: SparkSession, tmp_path: Path, own_redis: RedisConfig
) -> None:
    store, connection = Store(StoreConfig(str(tmp_path / "store"))), connect_redis(own_redis, spark)
    client = connection.open()
    messages = {"m1": ("배송 언제 와요", "delivery"), "m2": ("환불해 주세요", "refund")}
    predict(client, messages)
    client.close()
    now = datetime.now(timezone.utc)
    records = [
        (json.dumps({"message_id": name, "intent": intent}).encode(), 0, i, now)
        for i, (name, (_, intent)) in enumerate(messages.items())
    ]
    worker = FeedbackWorker(connection, own_redis, wait_s=0.5, max_bytes=1_000)
    filing = FeedbackFiling(store, worker, KafkaConfig(), today=lambda: date(2026, 5, 1))
    batch = spark.createDataFrame(records, RECORD)
    filing.write_batch(batch)
    filing.write_batch(batch)
    found = find_feedback(store, FeedbackConfig(), until=date(2026, 5, 2))
    assert len(found.new) == 1
    rows = spark.read.parquet(f"{tmp_path}/store/feedback/{found.new[0]}/data").orderBy("offset").collect()
    assert [(r["message_id"], r["room_id"], r["text"], r["intent"], r["predicted"], r["reason"]) for r in rows] == [
        ("m1", "방1", "배송 언제 와요", "delivery", "refund", None),
        ("m2", "방1", "환불해 주세요", "refund", "refund", None),
    ]
