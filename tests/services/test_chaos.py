"""Live prediction while everything that it rests on is killed: each message has its one prediction at the end.

What a Redis without its data lost comes back from Kafka.

MALGIL_CHAOS_S=300 makes people talk for five minutes; without it, as long as the faults take.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.stack import StackStatus
from pipelines.io.redis_connection import RedisConfig
from pipelines.io.registry import promote
from pipelines.io.tracking import Tracking
from tests.services.chaos import (
    Talk,
    count,
    forget_last_commit,
    kill_daemon,
    kill_python_worker,
    read_rooms,
    write_prediction,
)
from tests.services.streams import MODEL, START_S, Stream, Topics, register, release, run_job

RATE = 200  # messages a second
DATABASE = 14


@contextmanager
def talking(topics: Topics) -> Iterator[Talk]:
    talk = Talk(topics, RATE)
    talk.start()
    try:
        yield talk
    finally:
        talk.end()


def newest(topics: Topics) -> dict[str, list[str]]:
    """Of each room: how many Redis keeps beyond them is left to it."""
    return {room: names[-500:] for room, names in read_rooms(topics.connect_redis()).items()}


def test_every_message_has_one_prediction_whatever_is_killed(
    stack: StackStatus, tracking: Tracking, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topics, folder = Topics(stack, tracking, tmp_path, "chaos", DATABASE), Path(stack.folder)
    good, seconds, started = [release(tracking, seed=1)], dict[str, float](), time.monotonic()
    stream = Stream(topics)

    def survive(name: str, fault: Callable[[], None]) -> None:
        """A swap, the fault, and the prediction of something that was said after it."""
        good.append(release(tracking, seed=len(good) + 1))
        fault()
        begun, said = time.monotonic(), len(talk.messages)
        stream.wait(lambda: len(talk.messages) > said)
        message = talk.messages[-1]["message_id"]
        stream.wait(lambda: client.exists(f"malgil:prediction:{message}") > 0, within_s=START_S)
        seconds[name] = time.monotonic() - begun

    def restart() -> None:
        nonlocal stream
        stream.kill()
        forget_last_commit(topics.folder / "store" / "live" / "checkpoint")
        stream = Stream(topics)

    try:
        with talking(topics) as talk, topics.connect_redis() as client:
            survive("start", lambda: stream.wait(lambda: bool(topics.predictions()), within_s=START_S))
            survive("a Python worker", lambda: kill_python_worker(stream))
            survive("the broker", lambda: kill_daemon(folder, "kafka"))
            survive("Redis", lambda: kill_daemon(folder, "redis"))
            survive("the driver, and a commit", restart)
            useless = register(tracking, seed=9, classes=3)
            promote(tracking, MODEL, useless)
            stream.wait(lambda: bool(stream.reports()) and useless in stream.reports()[-1]["refused_models"])
            time.sleep(max(0.0, float(os.environ.get("MALGIL_CHAOS_S", "0")) - (time.monotonic() - started)))
        keys = [f"malgil:prediction:{message['message_id']}" for message in talk.messages]
        stream.wait(lambda: topics.connect_redis().exists(*keys) == len(keys), within_s=START_S)
        stream.stop()
    finally:
        stream.kill()

    found = count(topics, talk.messages, talk.garbage)
    with capsys.disabled():
        sys.stdout.write(found.show(seconds))
    assert (found.missing, found.conflicting) == (0, 0)
    assert found.predicted == found.sent == len(talk.messages)
    assert found.dead_lettered == found.garbage
    assert set(found.by_version) <= set(good)
    assert sum(found.by_version.values()) == found.sent

    visible, rooms = topics.predictions(), newest(topics)
    kill_daemon(folder, "redis", loses_data=True)  # as one that keeps nothing: Kafka still has every prediction
    assert topics.predictions() == {}
    outdated = {**visible["chaos-room1-1"], "message_id": "outdated"}
    write_prediction(topics, outdated, written_at=time.time() - RedisConfig().ttl_s)
    restored = run_job(topics, "restore_predictions", *topics.live_settings)
    assert restored["restored"] == found.sent == restored["records"] - found.repeated_on_kafka
    assert topics.predictions() == visible
    assert newest(topics) == rooms
