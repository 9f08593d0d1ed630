"""Where events go: a Kafka topic, and a webhook whose requests are signed."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial

from pipelines.errors import MalgilError
from pipelines.events import Event, EventsConfig, sign_event
from pipelines.io.kafka_security import client_security
from pipelines.io.kafka_topics import KafkaConfig, make_topics

Send = Callable[[Event], None]  # returns when the destination has it; raises where it does not take it
Destination = Callable[[], AbstractContextManager[Send]]


def find_destinations(config: EventsConfig, kafka: KafkaConfig) -> Mapping[str, Destination]:
    """Those of the settings by name; nothing is asked of them yet.

    Raises MalgilError where the webhook's secret is missing.
    """
    found: dict[str, Destination] = {}
    if config.topic:
        found["kafka"] = partial(_open_kafka, config, kafka)
    if config.webhook_url:
        found["webhook"] = partial(_open_webhook, config, _read_secret(config))
    return found


@contextmanager
def _open_kafka(config: EventsConfig, kafka: KafkaConfig) -> Iterator[Send]:
    """The topic, which is made where it is missing. All of a model's events, and all of a job's, have one key."""
    from kafka import KafkaProducer

    timeout_ms = int(config.timeout_s * 1000)
    make_topics(replace(kafka, timeout_s=config.timeout_s), [config.topic])
    producer = KafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers.split(","), acks="all", max_block_ms=timeout_ms,
        **client_security(kafka.security),
    )  # fmt: skip

    def send(event: Event) -> None:
        key = (event.model or event.job).encode()
        producer.send(config.topic, key=key, value=event.to_json()).get(timeout=config.timeout_s)

    try:
        yield send
    finally:
        producer.close(timeout=config.timeout_s)


@contextmanager
def _open_webhook(config: EventsConfig, secret: str) -> Iterator[Send]:
    """A POST an event; any answer of 200 to 299 is a yes. Redirections are not followed: the request is signed."""
    import urllib3

    def send(event: Event) -> None:
        body, timestamp = event.to_json(), str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "Malgil-Event": event.id,
            "Malgil-Timestamp": timestamp,
            "Malgil-Signature": f"sha256={sign_event(body, timestamp=timestamp, secret=secret)}",
        }
        answer = pool.request("POST", config.webhook_url, body=body, headers=headers, redirect=False)
        if not 200 <= answer.status < 300:
            raise MalgilError(f"events.webhook_url: expected an answer of 200 to 299, received {answer.status}")

    with urllib3.PoolManager(timeout=urllib3.Timeout(total=config.timeout_s), retries=False) as pool:
        yield send


def _read_secret(config: EventsConfig) -> str:
    secret = os.environ.get(config.secret_env, "")
    if not secret:
        raise MalgilError(
            f"events.webhook_url: expected the environment variable {config.secret_env} with the secret that signs "
            "events, found none; set it in the submitting shell, or another in events.secret_env"
        )
    return secret
