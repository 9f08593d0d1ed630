"""Predictions in a real Redis: what a front end reads, and that a replay changes none of it."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import redis
from pyspark.sql import DataFrame, SparkSession

from pipelines.errors import MalgilError
from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig
from pipelines.io.predictions import (
    RedisConfig,
    RedisWrites,
    are_published,
    publish_predictions,
    write_predictions_to_redis,
)
from pipelines.io.store import Store, StoreConfig
from pipelines.prediction import PREDICTION

KOREA = timezone(timedelta(hours=9))
SENT = datetime(2026, 5, 1, 9, 0, 0, 250_000, KOREA)
PREDICTED = datetime(2026, 5, 1, 10, 0, 0, 0, KOREA)

Row = dict[str, Any]
DELIVERY: Row = {
    "message_id": "m1",
    "room_id": "방1",
    "bot_id": "shop",
    "intent": "배송_조회",
    "confidence": 0.9,
    "top": [("배송_조회", 0.9), ('"환불"', 0.1)],
    "labels": {"sentiment": ("negative", 0.8), "complaint": ("other", 1.0)},
    "is_out_of_scope": False,
    "replies": [],
    "slots": [("date", "내일", 0, 2)],
    "answers": [],
    "models": ("3", None, None, "4", None),
    "sent_at": SENT,
    "predicted_at": PREDICTED,
}
UNKNOWN: Row = {
    **DELIVERY,
    "message_id": "m2",
    "bot_id": None,
    "confidence": 0.00012,
    "is_out_of_scope": True,
}
NOTHING: Row = {
    **UNKNOWN,
    "message_id": "m3",
    "room_id": None,
    "intent": None,
    "confidence": None,
    "top": [],
    "labels": {},
    "sent_at": None,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedisConfig]:
    config = EmbeddedRedisConfig(directory=str(tmp_path_factory.mktemp("redis")))
    yield config
    embedded_redis.stop(config)


@pytest.fixture
def config(server: EmbeddedRedisConfig) -> RedisConfig:
    return RedisConfig(embedded=server, ttl_s=600, batch_rows=2)


@pytest.fixture
def client(server: EmbeddedRedisConfig) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(embedded_redis.start(server).url, decode_responses=True)
    client.flushall()
    yield client
    client.close()


def _table(spark: SparkSession, *rows: Row) -> DataFrame:
    names = PREDICTION.fieldNames()
    return spark.createDataFrame([tuple(row[name] for name in names) for row in rows], PREDICTION)


def _read(client: redis.Redis) -> dict[str, Any]:
    """All that a reader can see but the TTL."""
    keys = sorted(client.scan_iter("*"))
    return {key: client.xrange(key) if "room" in key else client.get(key) for key in keys}


def test_a_front_end_reads_three_predictions(spark: SparkSession, config: RedisConfig, client: redis.Redis) -> None:
    written = write_predictions_to_redis(_table(spark, DELIVERY, UNKNOWN, NOTHING), config)

    assert written == RedisWrites(predictions=3, changed=3)
    expected = {
        "message_id": "m1",
        "room_id": "방1",
        "bot_id": "shop",
        "intent": "배송_조회",
        "confidence": 0.9,
        "top": [["배송_조회", 0.9], ['"환불"', 0.1]],
        "labels": {"sentiment": ["negative", 0.8], "complaint": ["other", 1.0]},
        "is_out_of_scope": False,
        "replies": [],
        "slots": [{"slot": "date", "text": "내일", "start": 0, "end": 2}],
        "answers": [],
        "models": {"intent": "3", "reply": None, "bot": None, "slots": "4", "knowledge": None},
        "sent_at": "2026-05-01T00:00:00.250000Z",
        "predicted_at": "2026-05-01T01:00:00.000000Z",
    }
    unknown = {**expected, "message_id": "m2", "bot_id": None, "confidence": 0.00012, "is_out_of_scope": True}
    nothing = {
        **unknown,
        "message_id": "m3",
        "room_id": None,
        "intent": None,
        "confidence": None,
        "top": [],
        "labels": {},
    }
    seen = {message_id: client.get(f"malgil:prediction:{message_id}") for message_id in ("m1", "m2", "m3")}
    assert {message_id: json.loads(str(text)) for message_id, text in seen.items()} == {
        "m1": expected,
        "m2": unknown,
        "m3": {**nothing, "sent_at": None},
    }
    assert list(json.loads(str(seen["m1"]))) == PREDICTION.fieldNames()
    entries = {entry["message_id"]: entry["prediction"] for _, entry in client.xrange("malgil:room:방1")}
    assert entries == {"m1": seen["m1"], "m2": seen["m2"]}
    assert set(client.scan_iter("*")) == {*(f"malgil:prediction:m{i}" for i in (1, 2, 3)), "malgil:room:방1"}


def test_predictions_and_their_room_expire(spark: SparkSession, config: RedisConfig, client: redis.Redis) -> None:
    write_predictions_to_redis(_table(spark, DELIVERY), config)
    assert 590 < client.ttl("malgil:prediction:m1") <= 600
    assert 590 < client.ttl("malgil:room:방1") <= 600


@pytest.mark.parametrize(
    "replayed",
    [
        pytest.param(DELIVERY, id="the same row"),
        pytest.param({**DELIVERY, "predicted_at": PREDICTED + timedelta(hours=1)}, id="predicted again later"),
        pytest.param(
            {**DELIVERY, "confidence": 0.900001, "top": [("배송_조회", 0.900001), ('"환불"', 0.099999)]},
            id="the last digits differ",
        ),
    ],
)
def test_a_replay_changes_nothing_that_a_reader_sees(
    spark: SparkSession, config: RedisConfig, client: redis.Redis, replayed: Row
) -> None:
    write_predictions_to_redis(_table(spark, DELIVERY, UNKNOWN), config)
    before = _read(client)
    client.expire("malgil:prediction:m1", 300)

    written = write_predictions_to_redis(_table(spark, replayed, UNKNOWN), config)

    assert written == RedisWrites(predictions=2, changed=0)
    assert _read(client) == before
    assert client.ttl("malgil:prediction:m1") <= 300


@pytest.mark.parametrize(
    "older",
    [
        pytest.param({"predicted_at": PREDICTED - timedelta(seconds=1)}, id="by its time"),
        pytest.param(
            {"predicted_at": PREDICTED + timedelta(hours=1), "models": ("2", None, None, "4", None)}, id="by its model"
        ),
    ],
)
def test_an_older_prediction_never_replaces_a_newer_one(
    spark: SparkSession, config: RedisConfig, client: redis.Redis, older: Row
) -> None:
    write_predictions_to_redis(_table(spark, DELIVERY), config)
    before = _read(client)
    another = {**DELIVERY, "intent": "환불", **older}
    assert write_predictions_to_redis(_table(spark, another), config) == RedisWrites(predictions=1, changed=0)
    assert _read(client) == before


@pytest.mark.parametrize(
    "newer",
    [
        pytest.param({"models": ("10", None, None, "4", None)}, id="by a newer model"),
        pytest.param({"models": ("3", "1", None, "4", None)}, id="with a reply model"),
        pytest.param({"intent": "환불"}, id="with another intent"),
    ],
)
def test_a_newer_prediction_replaces_the_older_one(
    spark: SparkSession, config: RedisConfig, client: redis.Redis, newer: Row
) -> None:
    write_predictions_to_redis(_table(spark, DELIVERY), config)
    later = {**DELIVERY, **newer, "predicted_at": PREDICTED + timedelta(seconds=1)}

    assert write_predictions_to_redis(_table(spark, later), config) == RedisWrites(predictions=1, changed=1)

    stored = json.loads(str(client.get("malgil:prediction:m1")))
    assert stored["predicted_at"] == "2026-05-01T01:00:01.000000Z"
    assert [json.loads(entry["prediction"]) for _, entry in client.xrange("malgil:room:방1")][-1] == stored


def test_a_message_that_comes_twice_in_a_batch_is_written_once(
    spark: SparkSession, config: RedisConfig, client: redis.Redis
) -> None:
    written = write_predictions_to_redis(_table(spark, DELIVERY, DELIVERY), config)
    assert written == RedisWrites(predictions=2, changed=1)
    assert client.xlen("malgil:room:방1") == 1


def test_a_write_that_was_cut_short_is_completed(spark: SparkSession, config: RedisConfig, client: redis.Redis) -> None:
    rows = [{**DELIVERY, "message_id": f"m{i}"} for i in range(10)]
    write_predictions_to_redis(_table(spark, *rows[:4]), config)
    assert write_predictions_to_redis(_table(spark, *rows), config) == RedisWrites(predictions=10, changed=6)
    entries = [entry["message_id"] for _, entry in client.xrange("malgil:room:방1")]
    assert sorted(entries) == sorted(row["message_id"] for row in rows)


def test_a_room_keeps_its_latest_predictions_only(
    spark: SparkSession, server: EmbeddedRedisConfig, client: redis.Redis
) -> None:
    config = RedisConfig(embedded=server, room_stream_length=200)
    rows = [{**DELIVERY, "message_id": f"m{i:04}"} for i in range(1_000)]
    write_predictions_to_redis(_table(spark, *rows).coalesce(1), config)

    kept = [entry["message_id"] for _, entry in client.xrange("malgil:room:방1")]

    assert 200 <= len(kept) < 300  # Redis trims whole blocks of 100
    assert kept == [row["message_id"] for row in rows[-len(kept) :]]


def test_no_rows_write_nothing(spark: SparkSession, config: RedisConfig, client: redis.Redis) -> None:
    assert write_predictions_to_redis(_table(spark), config) == RedisWrites(predictions=0, changed=0)
    assert _read(client) == {}


def test_lost_connections_are_opened_again(
    spark: SparkSession, server: EmbeddedRedisConfig, client: redis.Redis
) -> None:
    config = RedisConfig(embedded=server, batch_rows=20)
    rows = [{**DELIVERY, "message_id": f"m{i}"} for i in range(2_000)]
    is_done, cut_at = Event(), [0]

    def cut_connections() -> None:
        """All of them after every 100 predictions: whatever the pace, a batch that is tried again comes through."""
        while not is_done.wait(0.002):
            if (written := client.dbsize()) >= cut_at[-1] + 100:
                client.client_kill_filter(_type="normal", skipme=True)
                cut_at.append(written)

    cutter = Thread(target=cut_connections)
    cutter.start()
    try:
        written = write_predictions_to_redis(_table(spark, *rows), config)
    finally:
        is_done.set()
        cutter.join()
    assert len(cut_at) > 2
    assert written.predictions == 2_000
    assert len(list(client.scan_iter("malgil:prediction:*", count=1_000))) == 2_000
    assert client.xlen("malgil:room:방1") <= 1_100


def test_the_password_comes_from_the_environment(
    spark: SparkSession, server: EmbeddedRedisConfig, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = RedisConfig(url=embedded_redis.start(server).url, password_env="SHOP_REDIS_PASSWORD", retries=0)
    client.config_set("requirepass", "열려라")
    try:
        with pytest.raises(MalgilError, match=r"does not take our predictions: .*authenticated"):
            write_predictions_to_redis(_table(spark, DELIVERY), config)
        monkeypatch.setenv("SHOP_REDIS_PASSWORD", "열려라")
        assert write_predictions_to_redis(_table(spark, DELIVERY), config).changed == 1
    finally:
        client.config_set("requirepass", "")


def test_a_redis_that_is_not_there_is_named(spark: SparkSession) -> None:
    config = RedisConfig(url="redis://127.0.0.1:1/0", retries=0)
    with pytest.raises(MalgilError, match=r"^Redis at 127\.0\.0\.1:1 does not take our predictions: .*refused"):
        write_predictions_to_redis(_table(spark, DELIVERY), config)


def test_a_redis_without_memory_says_so_in_one_line(
    spark: SparkSession, config: RedisConfig, client: redis.Redis
) -> None:
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(MalgilError, match=r"^Redis did not take the predictions: .*maxmemory.*max_memory.*$"):
            write_predictions_to_redis(_table(spark, DELIVERY), config)
    finally:
        client.config_set("maxmemory", "512mb")
    assert write_predictions_to_redis(_table(spark, DELIVERY), config).changed == 1


def test_published_predictions_are_written_once(
    spark: SparkSession, config: RedisConfig, client: redis.Redis, tmp_path: Path
) -> None:
    store = Store(StoreConfig(root=str(tmp_path)))
    assert not are_published(store, "day", config, spark)

    manifest = publish_predictions(store, "day", _table(spark, DELIVERY, UNKNOWN), config)
    before = _read(client)

    assert manifest == {"predictions": 2, "out_of_scope": 1}
    assert are_published(store, "day", config, spark)
    assert publish_predictions(store, "day", _table(spark, NOTHING), config) == manifest
    assert _read(client) == before


def test_predictions_that_redis_lost_are_written_again_from_the_store(
    spark: SparkSession, config: RedisConfig, client: redis.Redis, tmp_path: Path
) -> None:
    store = Store(StoreConfig(root=str(tmp_path)))
    publish_predictions(store, "day", _table(spark, DELIVERY), config)
    before = client.get("malgil:prediction:m1")
    client.flushall()
    assert not are_published(store, "day", config, spark)
    publish_predictions(store, "day", _table(spark, NOTHING), config)
    assert client.get("malgil:prediction:m1") == before
