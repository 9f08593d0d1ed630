"""Corrections on a real Kafka end in the champion: filed once, learned, and refused where they are poisoned."""

import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import redis
from kafka import KafkaProducer
from pyspark.sql import SparkSession

from devstack.stack import StackStatus
from jobs.lineage import KOREA
from pipelines.encoding import TextEncoder
from pipelines.feedback import FeedbackConfig
from pipelines.io import embedded_redis
from pipelines.io.chat_client import connect_chat
from pipelines.io.embedded_redis import EmbeddedRedisConfig
from pipelines.io.feedback_filing import FeedbackFiling
from pipelines.io.feedback_store import find_feedback
from pipelines.io.feedback_worker import FeedbackWorker
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.redis_connection import RedisConfig, connect_redis
from pipelines.io.redis_writes import WRITE_FIRST, PredictionWrite, write_to_redis
from pipelines.io.registry import champion
from pipelines.io.snapshots import read_encoder
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tracking import MlflowConfig, connect_mlflow
from tests.services.runs import run_job
from tests.services.streams import Stream, Topics

MODEL = "malgil-intent"
PHONE = "010-2345-6789"
MAX_DROP = 0.05  # the test split of a small run has few rows
Corrections = dict[str, tuple[str, str]]  # by message_id: the clean text and the right intent


@dataclass(frozen=True)
class Place:
    """A copy of an undisturbed run's store and registry, which learning may change."""

    folder: Path
    topics: Topics

    @property
    def store(self) -> Store:
        return Store(StoreConfig(f"{self.folder}/store"))

    def champion(self) -> str | None:
        return champion(connect_mlflow(MlflowConfig(tracking_uri=f"sqlite:///{self.folder}/mlflow.db")), MODEL)

    def run(self, job: str, *settings: str) -> dict[str, Any]:
        drops = [f"feedback.max_accuracy_drop={MAX_DROP}", f"promotion.max_macro_f1_drop={MAX_DROP}"]
        limits = ["feedback.min_corrections=80", "feedback.epochs=10", "feedback.learning_rate=0.001", *drops]
        summary = run_job(self.folder, job, *limits, *settings)
        assert summary["status"] == "succeeded", summary
        return summary


@pytest.fixture(scope="module")
def place(
    whole: dict[str, Any], folder: Path, stack: StackStatus, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    copy = tmp_path_factory.mktemp("feedback")
    shutil.copytree(folder / "whole" / "store", copy / "store")
    shutil.copy(folder / "whole" / "mlflow.db", copy / "mlflow.db")
    tracking = connect_mlflow(
        MlflowConfig(f"sqlite:///{copy}/mlflow.db", artifact_root=f"{copy}/artifacts", cache=f"{copy}/cache")
    )
    place = Place(copy, Topics(stack, tracking, copy, "learned", 15))
    yield place
    place.topics.connect_redis().flushdb()  # others use the database as well


def make_corrections(name: str, encoder: TextEncoder, *, flipped: float) -> Corrections:
    """120 of texts that nobody says, of words that the model knows but hardly met: each half has one intent.

    The share that is flipped has any other intent.
    """
    source, tokens = random.Random(name), encoder.features[0].vocabulary.tokens
    nouns = (re.fullmatch("([가-힣]{2,})/NN[GP]", token) for token in tokens)
    rare = [noun[1] for noun in nouns if noun][-24:]
    halves = [(rare[:12], encoder.intents[0]), (rare[12:], encoder.intents[-1])]
    made = [(" ".join(source.sample(words, 3)), intent) for words, intent in halves for _ in range(60)]
    wrong = set(source.sample(range(len(made)), round(flipped * len(made))))
    others = [[other for other in encoder.intents if other != intent] for _, intent in made]
    return {
        f"{name}-{i}": (text, source.choice(others[i]) if i in wrong else intent)
        for i, (text, intent) in enumerate(made)
    }


def predict(client: redis.Redis, messages: Corrections) -> None:
    """What predict_stream leaves of these messages in Redis."""
    config = RedisConfig()
    value = {"room_id": "방1", "bot_id": "shop", "intent": "refund"}
    writes = [PredictionWrite(name, "방1", json.dumps(value), text) for name, (text, _) in messages.items()]
    write_to_redis(client, WRITE_FIRST, writes, config)


def send_feedback(topics: Topics, values: Sequence[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=topics.stack.addresses["kafka"])
    for value in values:
        producer.send(topics.topic("feedback"), value)
    producer.flush(timeout=30)
    producer.close()


def correct(topics: Topics, messages: Corrections) -> None:
    """The messages predicted, and then corrected."""
    predict(topics.connect_redis(), messages)
    kafka, feedback = topics.stack.addresses["kafka"], topics.topic("feedback")
    with connect_chat(kafka, topics.redis_url, feedback_topic=feedback) as chat:
        for message_id, (_, intent) in messages.items():
            chat.correct(message_id, intent)


def filed(collecting: Stream) -> int:
    reports = collecting.reports()
    return int(reports[-1]["filed"]) if reports else 0


@pytest.fixture(scope="module")
def collecting(place: Place) -> Iterator[Stream]:
    collecting = Stream(place.topics, "feedback.wait_s=1", job="collect_feedback")
    yield collecting
    collecting.kill()


def test_corrections_are_learned_and_poisoned_ones_are_not(
    place: Place, collecting: Stream, whole: dict[str, Any]
) -> None:
    first, before = place.champion(), whole["build_training_set"]
    encoder = read_encoder(place.store, place.store.url("snapshots", before["snapshot"]))
    good = make_corrections("good", encoder, flipped=0)
    nobody = {"message_id": "nobody", "intent": "refund"}
    unusable = [nobody, {**nobody, "text": PHONE}, {**nobody, "intent": PHONE}]
    send_feedback(place.topics, [b"{", *(json.dumps(value).encode() for value in unusable)])
    correct(place.topics, good)
    collecting.wait(lambda: filed(collecting) == 120, within_s=180)
    letters = [letter for _, letter in place.topics.read("dead_letters")]
    assert Counter(letter["reason"] for letter in letters) == {
        "broken_json": 1, "unknown_message": 1, "unknown_field": 1, "invalid_intent": 1
    }  # fmt: skip
    assert [letter["payload"] for letter in letters if letter["payload"]] == [nobody]
    assert PHONE not in json.dumps(letters) + collecting.shown

    learned = place.run("learn_from_feedback")
    assert learned["promoted"], learned["reason"]
    assert place.champion() == learned["version"] != first
    corrections = learned["corrections"]
    assert corrections["learned"] + corrections["held_out"] == 120
    assert learned["metrics"]["test_accuracy"] >= learned["champion_metrics"]["test_accuracy"] - MAX_DROP
    assert learned["metrics"]["held_out_accuracy"] > learned["champion_metrics"]["held_out_accuracy"]
    _assert_is_traced(place, learned, before=f"{MODEL}/{first}", nightly=whole["run_id"])

    correct(place.topics, make_corrections("poisoned", encoder, flipped=0.3))
    collecting.wait(lambda: filed(collecting) == 240)
    poisoned = place.run("learn_from_feedback")
    assert (poisoned["promoted"], poisoned["trusted"]) == (False, False)
    assert poisoned["reason"].startswith("the corrections are not consistent")
    assert place.champion() == learned["version"]
    tomorrow = datetime.now(KOREA).date() + timedelta(days=1)
    assert find_feedback(place.store, FeedbackConfig(), until=tomorrow).new == ()

    place.run("clean_messages")  # the copy's files are others
    built = place.run("build_training_set", f"feedback.until={tomorrow}")
    assert built["snapshot"] != before["snapshot"]
    assert built["rows"]["test"] == before["rows"]["test"]
    assert before["rows"]["train"] < built["rows"]["train"] <= before["rows"]["train"] + 120


def _assert_is_traced(place: Place, learned: dict[str, Any], *, before: str, nightly: str) -> None:
    """A prediction of the learned version: back to the corrections, and to the champion before and all of its own."""
    now = datetime.now(timezone.utc).isoformat()
    models = {"intent": learned["version"], "reply": None}
    value = {
        "message_id": "later", "room_id": None, "intent": "refund", "confidence": 0.9, "models": models,
        "sent_at": now, "predicted_at": now,
    }  # fmt: skip
    write = PredictionWrite("later", None, json.dumps(value))
    write_to_redis(place.topics.connect_redis(), WRITE_FIRST, [write], RedisConfig())
    traced = run_job(place.folder, "trace", "later", *place.topics.live_settings)
    assert traced["models"] == {"intent": f"{MODEL}/{learned['version']}"}
    made_from = {one["output"]: one["made_from"] for one in traced["outputs"]}
    tuning, champion_before = made_from[f"versions/{traced['models']['intent']}"]
    assert champion_before == f"versions/{before}"
    assert {name.partition("/")[0] for name in made_from[tuning]} == {"snapshots", "feedback"}
    runs = {one["run"] for one in traced["outputs"] if one["output"] in (tuning, champion_before)}
    assert runs == {learned["run_id"], nightly}


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
