"""Live predictions in a real Redis: the first one of a message stays."""

import json
from collections.abc import Iterator

import pytest
import redis

from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig
from pipelines.io.redis_connection import RedisConfig
from pipelines.io.redis_writes import WRITE_FIRST, PredictionWrite, write_to_redis

CONFIG = RedisConfig(ttl_s=600)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    config = EmbeddedRedisConfig(directory=str(tmp_path_factory.mktemp("redis")))
    client = redis.Redis.from_url(embedded_redis.start(config).url)
    yield client
    client.close()
    embedded_redis.stop(config)


def write(client: redis.Redis, *versions: str, room: str | None = "방1", message: str = "m1") -> list[bytes | None]:
    writes = [PredictionWrite(message, room, json.dumps({"version": version})) for version in versions]
    return write_to_redis(client, WRITE_FIRST, writes, CONFIG)


def test_a_message_that_comes_again_changes_nothing_and_is_told_what_stands(client: redis.Redis) -> None:
    assert write(client, "7") == [None]
    entries = client.xrange("malgil:room:방1")
    assert write(client, "8", "6") == [b'{"version": "7"}', b'{"version": "7"}']
    assert client.get("malgil:prediction:m1") == b'{"version": "7"}'
    assert client.xrange("malgil:room:방1") == entries
    assert [fields[b"message_id"] for _, fields in entries] == [b"m1"]
    assert 590 < client.ttl("malgil:prediction:m1") <= 600


def test_twice_in_one_batch_is_once(client: redis.Redis) -> None:
    assert write(client, "7", "7", message="twice", room="방2") == [None, b'{"version": "7"}']
    assert client.xlen("malgil:room:방2") == 1


def test_a_message_of_no_room_has_a_prediction_of_its_own(client: redis.Redis) -> None:
    before = set(client.scan_iter("malgil:room:*"))
    assert write(client, "7", message="alone", room=None) == [None]
    assert client.get("malgil:prediction:alone") == b'{"version": "7"}'
    assert set(client.scan_iter("malgil:room:*")) == before


def test_a_text_stands_beside_its_prediction_where_it_is_kept(client: redis.Redis) -> None:
    kept = PredictionWrite("kept", "방3", "{}", "배송 언제 와요")
    writes = [kept, PredictionWrite("unkept", "방3", "{}"), kept._replace(text="환불해 주세요")]
    assert write_to_redis(client, WRITE_FIRST, writes, CONFIG) == [None, None, b"{}"]
    assert (client.get("malgil:text:kept") or b"").decode() == "배송 언제 와요"
    assert 590 < client.ttl("malgil:text:kept") <= 600
    assert not client.exists("malgil:text:unkept")
    assert [fields[b"message_id"] for _, fields in client.xrange("malgil:room:방3")] == [b"kept", b"unkept"]
