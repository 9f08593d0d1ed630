"""The topics of live prediction on a real Kafka: made where they are missing."""

from dataclasses import replace

import pytest
from kafka import KafkaConsumer

from devstack.stack import StackStatus
from pipelines.errors import MalgilError
from pipelines.io.kafka_topics import KafkaConfig, make_topics


@pytest.fixture
def config(stack: StackStatus) -> KafkaConfig:
    names = {kind: f"topics.{kind}" for kind in ("messages", "predictions", "dead_letters")}
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
