"""The topics of live prediction on a real Kafka: made where they are missing."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from devstack.ports import load_ports
from devstack.stack import StackStatus
from pipelines.errors import MalgilError
from pipelines.io.kafka_security import KafkaSecurityConfig, Protocol
from pipelines.io.kafka_topics import KafkaConfig, make_topics

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(stack: StackStatus) -> KafkaConfig:
    names = {kind: f"topics.{kind}" for kind in ("messages", "predictions", "dead_letters", "feedback")}
    return KafkaConfig(bootstrap_servers=stack.addresses["kafka"], partitions=3, **names)


def test_missing_topics_are_made_once(config: KafkaConfig) -> None:
    make_topics(replace(config, predictions="topics.old", partitions=1))
    make_topics(config)
    make_topics(replace(config, partitions=0))
    consumer = KafkaConsumer(bootstrap_servers=config.bootstrap_servers)
    topics = (config.messages, config.predictions, config.dead_letters)
    found = [len(consumer.partitions_for_topic(topic)) for topic in topics]
    consumer.close()
    assert found == [1, 3, 1]


def test_a_topic_that_must_be_there_is_named(config: KafkaConfig) -> None:
    with pytest.raises(
        MalgilError, match=r"^kafka: expected the topics topics\.nobody at .*, and kafka\.partitions is 0; make"
    ):
        make_topics(replace(config, messages="topics.nobody", partitions=0))


def test_a_broker_that_is_not_there_is_named() -> None:
    with pytest.raises(MalgilError, match=r"^kafka\.bootstrap_servers: expected Kafka at 127\.0\.0\.1:1, received:"):
        make_topics(KafkaConfig(bootstrap_servers="127.0.0.1:1", timeout_s=0.5))


@pytest.fixture
def secured(stack: StackStatus, monkeypatch: pytest.MonkeyPatch) -> KafkaConfig:
    """Another way to the same Kafka, by TLS and SASL."""
    folder = Path(stack.folder)
    monkeypatch.setenv("MALGIL_KAFKA_USER", "malgil")
    monkeypatch.setenv("MALGIL_KAFKA_PASSWORD", "malgil")
    monkeypatch.setenv("MALGIL_KAFKA_CA_FILE", str(folder / "kafka" / "certificate.pem"))
    return KafkaConfig(
        bootstrap_servers=f"127.0.0.1:{load_ports(folder)['kafka.secure']}", predictions="topics.secured",
        security=KafkaSecurityConfig(Protocol.SASL_SSL, "PLAIN"),
    )  # fmt: skip


def test_a_secured_kafka_refuses_a_wrong_password(secured: KafkaConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALGIL_KAFKA_PASSWORD", "wrong")
    with pytest.raises(MalgilError, match=r"^kafka\.bootstrap_servers: expected Kafka at 127\.0\.0\.1:\d+, received: "):
        make_topics(secured)


def test_a_secured_kafka_is_written_to_by_spark(secured: KafkaConfig, stack: StackStatus) -> None:
    written = subprocess.run(
        [sys.executable, "-c", _WRITE, secured.bootstrap_servers], capture_output=True, text=True, timeout=180,
        cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert written.returncode == 0, written.stderr
    consumer = KafkaConsumer(
        "topics.secured", bootstrap_servers=stack.addresses["kafka"], auto_offset_reset="earliest",
        consumer_timeout_ms=30_000,
    )  # fmt: skip
    record = next(consumer)
    consumer.close()
    assert (record.key.decode(), record.value.decode()) == ("방", "안녕")


_WRITE = """
import sys
from pipelines.io.kafka_connector import add_kafka_connector
from pipelines.io.kafka_security import KafkaSecurityConfig, Protocol
from pipelines.io.kafka_topics import RECORD, KafkaConfig, make_topics, write_records
from pipelines.io.session import create_session

security = KafkaSecurityConfig(Protocol.SASL_SSL, "PLAIN")
config = KafkaConfig(bootstrap_servers=sys.argv[1], predictions="topics.secured", security=security)
spark = create_session("secured", spark_master="local[1]", spark_jars=add_kafka_connector({})["spark.jars"])
make_topics(config)
write_records(spark.createDataFrame([("topics.secured", "방", "안녕")], RECORD), config)
spark.stop()
"""
