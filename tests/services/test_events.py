"""Events on a real Kafka: one that is away fails no run, and gets all of them later, in their order."""

import json
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from devstack.stack import StackStatus
from pipelines.events import Event, EventKind, EventsConfig
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.run_events import RunEvents
from pipelines.io.store import Maker, Store, StoreConfig
from tests.webhooks import SECRET, receiving

TOPIC = "events.test"


def tell_run(store: Store, run_id: str, servers: str, config: EventsConfig) -> None:
    """A run that takes a version back."""
    maker = Maker("rollback_model", run_id, "2026-05-01T00:00:00+00:00")
    kafka = KafkaConfig(bootstrap_servers=servers, timeout_s=5.0)
    events = RunEvents(store, maker, "data", config=config, kafka=kafka)
    with events.of_run(str), events.telling(EventKind.ROLLED_BACK, model="malgil-intent", version="3"):
        pass


def test_kafka_and_a_webhook_each_get_all_events_whoever_is_away(
    stack: StackStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALGIL_WEBHOOK_SECRET", SECRET)
    store = Store(StoreConfig(root=str(tmp_path)))
    with receiving() as receiver:
        config = EventsConfig(topic=TOPIC, webhook_url=receiver.url)
        tell_run(store, "1", "127.0.0.1:1", config)
        assert receiver.kinds() == ["started", "rolled_back", "succeeded"]
        tell_run(store, "2", stack.addresses["kafka"], config)
    assert [event["run_id"] for event in receiver.events] == ["1"] * 3 + ["2"] * 3
    records = read_topic(stack.addresses["kafka"], count=6)
    assert [event for key, event in records if key == "malgil-intent"] == [
        Event(**event) for event in receiver.events if event["model"]
    ]
    assert {(event.id, key) for key, event in records} == {
        (event["id"], event["model"] or event["job"]) for event in receiver.events
    }


def read_topic(servers: str, *, count: int) -> list[tuple[str, Event]]:
    """The topic's first records, with their keys."""
    consumer = KafkaConsumer(TOPIC, bootstrap_servers=servers, auto_offset_reset="earliest", consumer_timeout_ms=30_000)
    try:
        records = [next(consumer) for _ in range(count)]
    finally:
        consumer.close()
    return [(record.key.decode(), Event(**json.loads(record.value))) for record in records]
