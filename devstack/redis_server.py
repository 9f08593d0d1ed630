"""Redis: one server that keeps its data over a restart, and over a kill."""

import json

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack.service import HOST, Daemon, Place, Service
from pipelines.io.embedded_redis import find_redis_server

PORTS = ("redis",)
_ANSWER_S = 2.0


def describe_redis(place: Place) -> Service:
    """It answers when it answers PING, its data loaded."""
    return Service(
        name="redis",
        address=f"redis://{place.address('redis')}/0",
        daemons=(_server(place),),
        write_configuration=lambda: _write_configuration(place),
    )


def _server(place: Place) -> Daemon:
    return Daemon(
        name="redis",
        command=(find_redis_server(), str(place.home("redis") / "redis.conf")),
        ports=PORTS,
        is_ready=lambda: _is_ready(place),
    )


def _is_ready(place: Place) -> bool:
    client = redis.Redis(HOST, place.ports["redis"], socket_timeout=_ANSWER_S, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except redis.RedisError:  # nobody there, or still loading
        return False
    finally:
        client.close()


def _write_configuration(place: Place) -> None:
    home = place.home("redis")
    home.mkdir(parents=True, exist_ok=True)
    values = {
        "bind": HOST,
        "protected-mode": "yes",
        "port": place.ports["redis"],
        "dir": json.dumps(str(home), ensure_ascii=False),  # the escapes of redis.conf are those of JSON
        "appendonly": "yes",  # what was answered is in its log file; a crash of the machine costs a second
        "save": '""',
        "maxmemory": "512mb",
        "maxmemory-policy": "noeviction",
    }
    (home / "redis.conf").write_text("".join(f"{name} {value}\n" for name, value in values.items()), encoding="utf8")
