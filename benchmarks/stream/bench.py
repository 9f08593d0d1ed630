"""What all parts of the benchmark share: Kafka and Redis of a dev stack, and a champion of the default recipe."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import redis

from benchmarks.predict_batch import build_model, generate_texts
from benchmarks.stream.further import promote_further
from devstack.stack import StackStatus, start_stack, stop_stack
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.redis_connection import RedisConfig
from pipelines.io.registry import promote, register_model
from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow, start_run
from pipelines.polling import polling
from udfs.screening import ScreeningConfig, clean_and_screen

MODEL = "malgil-intent"
_TEXTS = 20_000
_REDIS = {
    "maxmemory": "4gb",  # a million predictions do not fit into the dev stack's
    "auto-aof-rewrite-percentage": "0",  # else a rewrite takes a core for seconds, of whoever is measured just then
}


@dataclass(frozen=True)
class Bench:
    """The services, the model, and texts that can all be predicted."""

    folder: Path
    stack: StackStatus
    tracking: Tracking
    texts: list[str]
    versions: tuple[str, str]  # of the model; the first one is champion

    @contextmanager
    def changing_champions(self, *, every_s: float) -> Iterator[None]:
        """Inside, the two versions take turns as champion."""
        turns = cycle(reversed(self.versions))
        with polling(lambda: promote(self.tracking, MODEL, next(turns)), every_s=every_s, name="champions"):
            yield

    def kafka(self, name: str) -> KafkaConfig:
        """Topics of a part of its own."""
        return KafkaConfig(
            bootstrap_servers=self.stack.addresses["kafka"],
            messages=f"{name}.messages",
            predictions=f"{name}.predictions",
            dead_letters=f"{name}.dead-letters",
        )

    @property
    def redis_config(self) -> RedisConfig:
        return RedisConfig(url=self.stack.addresses["redis"])

    def connect_redis(self) -> redis.Redis:
        """An empty Redis: parts follow one another."""
        client = redis.Redis.from_url(self.redis_config.url, decode_responses=True)
        for name, value in _REDIS.items():
            client.config_set(name, value)
        client.flushall()
        return client

    def settings(self, name: str, *, store: str) -> list[str]:
        """Those of a predict_stream on the part's topics, in a store of this name."""
        kafka, mlflow = self.kafka(name), self.tracking.config
        values: dict[str, Any] = {
            "store.root": self.folder / store,
            "mlflow.tracking_uri": mlflow.tracking_uri,
            "mlflow.artifact_root": mlflow.artifact_root,
            "mlflow.cache": mlflow.cache,
            "redis.url": self.redis_config.url,
            "kafka.bootstrap_servers": kafka.bootstrap_servers,
            "kafka.messages": kafka.messages,
            "kafka.predictions": kafka.predictions,
            "kafka.dead_letters": kafka.dead_letters,
            "live.report_every_s": 1,
        }
        return [f"{key}={value}" for key, value in values.items()]


@contextmanager
def open_bench(folder: Path, *, with_further: bool = False) -> Iterator[Bench]:
    """In an empty folder; the services end with the block. `with_further`: models of labels and replies as well."""
    texts = [text for text in generate_texts(_TEXTS) if not clean_and_screen(text, ScreeningConfig()).reason]
    config = MlflowConfig(
        tracking_uri=f"sqlite:///{folder}/mlflow.db", artifact_root=f"{folder}/artifacts", cache=f"{folder}/cache"
    )
    tracking = connect_mlflow(config)
    versions = register_versions(tracking, texts)
    if with_further:
        promote_further(tracking, texts)
    try:
        stack = start_stack(folder / "stack", ["kafka", "redis"], report=lambda _: None, timeout_s=120)
        yield Bench(folder, stack, tracking, texts, versions)
    finally:
        stop_stack(folder / "stack")


def register_versions(tracking: Tracking, texts: list[str]) -> tuple[str, str]:
    """Two versions of the intent model with random weights; the first one is champion."""
    network, encoder = build_model(texts, intents=60)

    def register(training_id: str) -> str:
        run = start_run(tracking, training_id, parameters={}, tags={})
        return register_model(run, MODEL, network=network, encoder=encoder, snapshot="0", metrics={})

    versions = register("first"), register("second")
    promote(tracking, MODEL, versions[0])
    return versions
