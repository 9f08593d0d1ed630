"""predict_stream as a process of its own, with small models, on the dev stack."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from devstack.stack import StackStatus
from pipelines.io.registry import promote, register_model
from pipelines.io.tracking import Tracking, start_run
from pipelines.replies import RESPONSES
from pipelines.slot_filling import TRANSITIONS, write_transitions
from tests.processes import kill_all, list_family
from tests.tiny_model import ENCODER, INTENTS, build_tiny_model, build_tiny_replier, build_tiny_tagger

PROJECT = Path(__file__).resolve().parents[2]
MODEL, REPLY_MODEL, SLOTS_MODEL = "malgil-intent", "malgil-reply", "malgil-slots"
START_S, ANSWER_S = 180, 60


def register(tracking: Tracking, seed: int, *, classes: int = len(INTENTS), name: str = MODEL) -> str:
    """A version of a small untrained model, of its own by its seed; with other classes than intents it is useless."""
    network = build_tiny_model(seed=seed, classes=classes)
    run = start_run(tracking, f"training-{seed}", parameters={}, tags={})
    return register_model(run, name, network=network, encoder=ENCODER, snapshot="5eed", metrics={})


def release(tracking: Tracking, seed: int, *, name: str = MODEL) -> str:
    """Such a version as champion."""
    version = register(tracking, seed, name=name)
    promote(tracking, name, version)
    return version


def release_replier(tracking: Tracking) -> str:
    """A version of a small reply model as champion."""
    network, encoder, responses = build_tiny_replier()
    run = start_run(tracking, "reply-training", parameters={}, tags={})
    version = register_model(
        run, REPLY_MODEL, network=network, encoder=encoder, snapshot="5eed", metrics={},
        documents={RESPONSES: responses.to_json()},
    )  # fmt: skip
    promote(tracking, REPLY_MODEL, version)
    return version


def release_tagger(tracking: Tracking) -> str:
    """A version of a small model that finds slots as champion."""
    network, encoder, transitions = build_tiny_tagger()
    run = start_run(tracking, "slots-training", parameters={}, tags={})
    version = register_model(
        run, SLOTS_MODEL, network=network, encoder=encoder, snapshot="5eed", metrics={},
        documents={TRANSITIONS: write_transitions(transitions)},
    )  # fmt: skip
    promote(tracking, SLOTS_MODEL, version)
    return version


@dataclass(frozen=True)
class Topics:
    """A test's own topics and its own Redis database, in a folder with the store."""

    stack: StackStatus
    tracking: Tracking
    folder: Path
    name: str
    database: int

    @property
    def settings(self) -> list[str]:
        config = self.tracking.config
        return [
            f"store.root={self.folder}/store",
            f"mlflow.tracking_uri={config.tracking_uri}",
            f"mlflow.artifact_root={config.artifact_root}",
            f"mlflow.cache={config.cache}",
            f"redis.url={self.redis_url}",
            f"kafka.bootstrap_servers={self.stack.addresses['kafka']}",
            f"events.topic={self.topic('events')}",
        ]

    @property
    def live_settings(self) -> list[str]:
        kinds = ("messages", "predictions", "dead_letters", "feedback")
        topics = (f"kafka.{kind}={self.topic(kind)}" for kind in kinds)
        return [*self.settings, *topics, "live.report_every_s=1", "live.look_every_s=0.5"]

    @property
    def redis_url(self) -> str:
        return f"{self.stack.addresses['redis'].rpartition('/')[0]}/{self.database}"

    def topic(self, kind: str) -> str:
        return f"{self.name}.{kind}"

    def connect_redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url, decode_responses=True)

    def send(self, values: Sequence[dict[str, Any] | bytes]) -> None:
        """Messages as JSON, anything else as it is; returns when the broker has all of them."""
        producer = KafkaProducer(bootstrap_servers=self.stack.addresses["kafka"])
        try:
            for value in values:
                is_message = isinstance(value, dict)
                key = str(value["room_id"]).encode() if is_message else b"?"
                data = json.dumps(value, ensure_ascii=False).encode() if is_message else value
                producer.send(self.topic("messages"), key=key, value=data)
            producer.flush(timeout=30)
        finally:
            producer.close()

    def read(self, kind: str) -> list[tuple[str | None, dict[str, Any]]]:
        """All records of a topic: key and JSON value."""
        consumer = KafkaConsumer(bootstrap_servers=self.stack.addresses["kafka"])
        try:
            places = [TopicPartition(self.topic(kind), p) for p in consumer.partitions_for_topic(self.topic(kind))]
            consumer.assign(places)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(places)
            found: list[tuple[str | None, dict[str, Any]]] = []
            while any(consumer.position(place) < end for place, end in ends.items()):
                for records in consumer.poll(timeout_ms=1000).values():
                    found += [(r.key.decode() if r.key else None, json.loads(r.value)) for r in records]
            return found
        finally:
            consumer.close()

    def read_at(self, topic: str, partition: int, offset: int) -> dict[str, Any]:
        """The JSON value of a record."""
        consumer, place = (
            KafkaConsumer(bootstrap_servers=self.stack.addresses["kafka"]),
            TopicPartition(topic, partition),
        )
        try:
            consumer.assign([place])
            consumer.seek(place, offset)
            return dict(json.loads(next(consumer).value))
        finally:
            consumer.close()

    def predictions(self) -> dict[str, dict[str, Any]]:
        """What stands in Redis, by message_id."""
        client = self.connect_redis()
        keys = list(client.scan_iter("malgil:prediction:*", count=10_000))
        texts = client.mget(keys) if keys else []
        return {key.removeprefix("malgil:prediction:"): json.loads(text) for key, text in zip(keys, texts, strict=True)}


class Stream:
    """A running predict_stream, or another live job."""

    def __init__(self, topics: Topics, *settings: str, job: str = "predict_stream") -> None:
        self.topics = topics
        command = [sys.executable, "-m", "jobs", job, *topics.live_settings, *settings]
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        topics.folder.mkdir(parents=True, exist_ok=True)
        self._shown = topics.folder / f"stream-{time.monotonic_ns()}.log"
        with self._shown.open("w") as shown:
            self._door = subprocess.Popen(
                command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=shown, text=True
            )

    def wait(self, happens: Callable[[], bool], *, within_s: float = ANSWER_S) -> None:
        """Until it happens; fails with what the stream said where it does not, or where the stream ends."""
        deadline = time.monotonic() + within_s
        while not happens():
            assert self._door.poll() is None, f"the stream ended: {self.shown}"
            assert time.monotonic() < deadline, f"nothing within {within_s} s: {self.shown}"
            time.sleep(0.05)

    @property
    def shown(self) -> str:
        return self._shown.read_text(encoding="utf8")

    def reports(self) -> list[dict[str, Any]]:
        """Its lines of counts so far."""
        lines = [line for line in self.shown.splitlines() if line.startswith('{"read"')]
        return [json.loads(line) for line in lines]

    def scrape(self) -> dict[str, float]:
        """Its metrics as Prometheus reads them, those of several labels added up."""
        (url,) = (line.rpartition(" ")[2] for line in self.shown.splitlines() if " metrics at " in line)
        found: dict[str, float] = Counter()
        for family in text_string_to_metric_families(urlopen(url).read().decode()):
            for sample in family.samples:
                found[sample.name] += sample.value
        return found

    def stop(self) -> dict[str, Any]:
        """SIGTERM; its summary."""
        self._door.send_signal(signal.SIGTERM)
        output, _ = self._door.communicate(timeout=120)
        assert self._door.returncode == 0, f"{output}{self.shown}"
        return dict(json.loads(output.splitlines()[-1]))

    def fail(self) -> str:
        """How it ends by itself: the error."""
        output, _ = self._door.communicate(timeout=START_S)
        assert self._door.returncode == 1, f"{output}{self.shown}"
        return str(json.loads(output.splitlines()[-1])["error"])

    def kill(self) -> None:
        """SIGKILL to the door, Spark and every Python worker."""
        if self._door.poll() is None:
            kill_all(self.processes())
            self._door.communicate(timeout=30)

    def processes(self) -> list[psutil.Process]:
        """The door, and all that it started."""
        return list_family(self._door.pid)


def say(topics: Topics, texts: Sequence[str], *, room: str, first: int = 0) -> list[dict[str, Any]]:
    """Messages of a room that nobody sent yet."""
    return [
        {
            "message_id": f"{topics.name}-{room}-{first + i}", "room_id": room, "bot_id": "shop",
            "speaker": "customer", "sent_at": f"2026-05-01T09:{i // 60 % 60:02}:{i % 60:02}+09:00", "text": text,
        }
        for i, text in enumerate(texts)
    ]  # fmt: skip


def run_job(topics: Topics, job: str, *more: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "jobs", job, *topics.settings, *more]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    ended = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return dict(json.loads(ended.stdout.splitlines()[-1]))
