"""What is killed while people talk to a live stream, and what became of each message they said."""

import hashlib
import json
import os
import shutil
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from threading import Event, Thread
from typing import Any

import redis
from kafka import KafkaProducer

from devstack.stack import read_status
from tests.services.stacks import run_devstack
from tests.services.streams import Stream, Topics, say

_SAYINGS = ("배송이 언제 와요", "주문 취소할게요", "환불해 주세요", "안녕하세요")
_EVERY_S = 0.05
_GARBAGE_SHARE = 20  # one record of so many


class Talk(Thread):
    """People who say `rate` messages a second until `end`; one record of twenty is garbage."""

    def __init__(self, topics: Topics, rate: int) -> None:
        super().__init__(name="talk", daemon=True)
        self.messages: list[dict[str, Any]] = []  # those that can be predicted, in order
        self.garbage: set[str] = set()  # the others' SHA-256
        self._topics, self._rate, self._over, self._said = topics, rate, Event(), 0

    def run(self) -> None:
        servers = self._topics.stack.addresses["kafka"]
        producer = KafkaProducer(bootstrap_servers=servers, delivery_timeout_ms=300_000)
        due = time.monotonic()
        while not self._over.is_set():
            for _ in range(int(self._rate * _EVERY_S)):
                self._say(producer)
            due += _EVERY_S
            time.sleep(max(0.0, due - time.monotonic()))
        producer.flush(timeout=120)
        producer.close()

    def end(self) -> None:
        """Returns when Kafka has all that was said."""
        self._over.set()
        self.join()

    def _say(self, producer: KafkaProducer) -> None:
        number, room = self._said, f"room{self._said % 50}"
        self._said += 1
        (message,) = say(self._topics, [_SAYINGS[number % len(_SAYINGS)]], room=room, first=number)
        value = json.dumps(message, ensure_ascii=False).encode()
        if number % _GARBAGE_SHARE == 0:
            value = value[:-3]  # JSON that breaks off
            self.garbage.add(hashlib.sha256(value).hexdigest())
        else:
            self.messages.append(message)
        producer.send(self._topics.topic("messages"), key=room.encode(), value=value)


def kill_daemon(folder: Path, name: str, *, loses_data: bool = False) -> None:
    """SIGKILL to a daemon of the stack, and a new start on its data; `loses_data`: Redis without any."""
    os.kill(read_status(folder).daemons[name].process_id or 0, signal.SIGKILL)
    if loses_data:
        for file in (folder / name).glob("appendonly*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    started = run_devstack(folder, "up", name)
    assert started.returncode == 0, started.stderr


def kill_python_worker(stream: Stream) -> None:
    """SIGKILL to the one that holds the most: a model."""
    found = [process.as_dict(["pid", "ppid", "cmdline", "memory_info"]) for process in stream.processes()]
    daemons = {process["pid"]: process for process in found if "pyspark.daemon" in (process["cmdline"] or ())}
    workers = [process for process in daemons.values() if process["ppid"] in daemons]
    os.kill(max(workers, key=lambda process: process["memory_info"].rss)["pid"], signal.SIGKILL)


def forget_last_commit(checkpoint: Path) -> None:
    """As if the job had died before it; what was planned after it goes as well, or Spark would take it for done."""
    last = max(int(file.name) for file in (checkpoint / "commits").glob("[0-9]*"))
    for file in [*checkpoint.glob("commits/*"), *checkpoint.glob("offsets/*")]:
        number = int(file.name.strip(".").removesuffix(".crc"))
        if number > last or (number == last and file.parent.name == "commits"):
            file.unlink()


def read_rooms(client: redis.Redis) -> dict[str, list[str]]:
    """Each room's message ids, in the order of their predictions."""
    keys = client.scan_iter("malgil:room:*")
    return {key: [entry["message_id"] for _, entry in client.xrange(key)] for key in keys}


def write_prediction(topics: Topics, value: dict[str, Any], *, written_at: float) -> None:
    """Into Kafka alone, as of another time; returns when the broker has it."""
    producer = KafkaProducer(bootstrap_servers=topics.stack.addresses["kafka"])
    record = json.dumps(value, ensure_ascii=False).encode()
    sent = producer.send(topics.topic("predictions"), record, timestamp_ms=int(written_at * 1000))
    sent.get(timeout=30)
    producer.close()


@dataclass
class Count:
    """What became of the messages; Kafka's records are compared with what a reader of Redis sees."""

    sent: int = 0
    predicted: int = 0
    missing: int = 0
    conflicting: int = 0  # messages with two different predictions anywhere, or twice in their room
    garbage: int = 0
    dead_lettered: int = 0
    repeated_on_kafka: int = 0  # records beyond the first of a message, the same to the letter
    by_version: dict[str, int] = field(default_factory=dict)

    def show(self, seconds: dict[str, float]) -> str:
        """The report, with the seconds from when the killed one runs again to a newer message's prediction."""
        back = ", ".join(f"{name} {elapsed:.1f}" for name, elapsed in seconds.items())
        return f"\n{json.dumps(asdict(self))}\nseconds until answers came again: {back}\n"


def count(topics: Topics, messages: Sequence[dict[str, Any]], garbage: set[str]) -> Count:
    """All of them, by what Redis and Kafka hold now."""
    visible, client = topics.predictions(), topics.connect_redis()
    records = defaultdict[str, list[str]](list)
    for _, value in topics.read("predictions"):
        records[value["message_id"]].append(json.dumps(value, sort_keys=True))
    rooms = Counter(chain.from_iterable(read_rooms(client).values()))
    said = {message["message_id"] for message in messages}
    letters = {letter["sha256"] for _, letter in topics.read("dead_letters")}
    return Count(
        sent=len(said),
        predicted=len(said & visible.keys()),
        missing=len(said - visible.keys()) + len(said - records.keys()),
        conflicting=sum(
            {json.dumps(value, sort_keys=True)} != set(records[name]) or rooms[name] > 1
            for name, value in visible.items()
        ),
        garbage=len(garbage),
        dead_lettered=len(letters & garbage),
        repeated_on_kafka=sum(len(values) - 1 for values in records.values()),
        by_version=dict(Counter(str(value["models"]["intent"]) for value in visible.values())),
    )
