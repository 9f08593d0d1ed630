"""A front end's way to live predictions: say something and get its prediction, or watch a room.

    with connect_chat("kafka:9092", "redis://redis:6379/0") as chat:
        prediction = chat.predict("배송은 언제 오나요?", room_id="room-1", timeout_s=2.0)
        for prediction in chat.watch("room-1"):
            ...
        chat.correct(prediction.message_id, "ask_delivery_date")

Needs kafka-python and redis, and nothing of Spark.
"""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import redis
from kafka import KafkaProducer

from pipelines.errors import MalgilError
from pipelines.io.kafka_security import KafkaSecurityConfig, client_security
from pipelines.io.redis_writes import prediction_key, room_key

_MARGIN_S = 5.0  # the producer itself says by then that it failed, and what it says tells more
_LIMITS = ("bootstrap_timeout_ms", "max_block_ms", "request_timeout_ms", "delivery_timeout_ms")
_BLOCK_S = 1.0  # Redis answers by then, with or without news, and so before its client gives up


class PredictionTimeoutError(MalgilError):
    """A message was sent, and there was no prediction of it in time."""


@dataclass(frozen=True)
class ChatAnswer:
    """An answer from the bot's knowledge base."""

    text: str
    source: str | None  # such as a page's address
    score: float  # the higher, the better it fits


@dataclass(frozen=True)
class ChatPrediction:
    """A message's prediction, as Redis and Kafka hold it."""

    message_id: str
    room_id: str | None
    bot_id: str | None
    intent: str | None  # the most probable one
    confidence: float | None  # its probability
    top: list[tuple[str, float]]  # the most probable ones, best first
    is_out_of_scope: bool
    replies: list[str]
    models: dict[str, str | None]  # the versions that predicted it
    sent_at: str | None  # ISO 8601, UTC
    predicted_at: str
    labels: dict[str, tuple[str, float]] = field(default_factory=dict)  # by task; older predictions have none
    slots: list[dict[str, Any]] = field(default_factory=list)  # slot, text, start and end; likewise
    answers: list[ChatAnswer] = field(default_factory=list)  # best first; older predictions have none

    @classmethod
    def from_json(cls, text: str | bytes) -> "ChatPrediction":
        value: dict[str, Any] = json.loads(text)
        top = [(intent, probability) for intent, probability in value["top"]]
        labels = {task: (label, probability) for task, (label, probability) in value.get("labels", {}).items()}
        answers = [ChatAnswer(**answer) for answer in value.get("answers", [])]
        return cls(**{**value, "top": top, "labels": labels, "answers": answers})


class ChatClient:
    """Open connections to Kafka and Redis; `connect_chat` makes one. Threads may share it."""

    def __init__(
        self, producer: KafkaProducer, client: redis.Redis, topic: str, feedback_topic: str, *, timeout_s: float
    ) -> None:
        self._producer, self._redis, self._topic, self._feedback_topic = producer, client, topic, feedback_topic
        self._timeout_s = timeout_s

    def send(
        self,
        text: str,
        *,
        room_id: str,
        bot_id: str | None = None,
        speaker: str = "customer",
        message_id: str | None = None,
    ) -> str:
        """Put the message into Kafka; returns its id when a broker has it. Raises Kafka's errors.

        A message sent twice under one `message_id` is one message: the first prediction of it stays.
        """
        message_id = message_id or uuid.uuid4().hex
        message = {
            "message_id": message_id,
            "room_id": room_id,
            "bot_id": bot_id,
            "speaker": speaker,
            "sent_at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "text": text,
        }
        self._write(self._topic, room_id, message)
        return message_id

    def correct(self, message_id: str, intent: str) -> None:
        """Say which intent is right for a message that was predicted; the last correction of a message counts.

        Returns when a broker has it; raises Kafka's errors. collect_feedback files it.
        """
        self._write(self._feedback_topic, message_id, {"message_id": message_id, "intent": intent})

    def predict(self, text: str, *, room_id: str, bot_id: str | None = None, timeout_s: float = 2.0) -> ChatPrediction:
        """The prediction of a customer's message.

        Raises PredictionTimeoutError after `timeout_s`: predict_stream does not run or is behind, or the message
        became a dead letter (too short, not Korean, nothing but personal data).
        """
        deadline = time.monotonic() + timeout_s
        after = self._last_entry(room_id)
        message_id = self.send(text, room_id=room_id, bot_id=bot_id)
        while (left_s := deadline - time.monotonic()) > 0:
            entries = self._read(room_id, after, block_s=min(left_s, _BLOCK_S))
            for entry, prediction in entries:
                if prediction.message_id == message_id:
                    return prediction
                after = entry
        raise PredictionTimeoutError(
            f"message {message_id}: expected a prediction within {timeout_s:g} s, found none; see whether "
            "predict_stream runs, its lag, and chat.dead-letters"
        )

    def find(self, message_id: str) -> ChatPrediction | None:
        """The message's prediction; None where there is none, or no more."""
        text = self._redis.get(prediction_key(message_id))
        return None if text is None else ChatPrediction.from_json(text)

    def watch(self, room_id: str, *, from_start: bool = False) -> Iterator[ChatPrediction]:
        """The room's predictions as they come, each once, without an end.

        `from_start`: those that Redis still keeps come first.
        """
        after = "0-0" if from_start else self._last_entry(room_id)
        while True:
            for entry, prediction in self._read(room_id, after, block_s=_BLOCK_S):
                after = entry
                yield prediction

    def _write(self, topic: str, key: str, value: dict[str, Any]) -> None:
        record = json.dumps(value, ensure_ascii=False).encode()
        self._producer.send(topic, key=key.encode(), value=record).get(timeout=self._timeout_s + _MARGIN_S)

    def _last_entry(self, room_id: str) -> str:
        newest = self._redis.xrevrange(room_key(room_id), count=1)
        return str(newest[0][0]) if newest else "0-0"

    def _read(self, room_id: str, after: str, *, block_s: float) -> list[tuple[str, ChatPrediction]]:
        """Entries behind `after` with their ids; waits for one, but no longer than `block_s`."""
        answer: Any = self._redis.xread({room_key(room_id): after}, block=max(1, int(block_s * 1000)))
        entries = answer[0][1] if answer else []
        return [(entry, ChatPrediction.from_json(fields["prediction"])) for entry, fields in entries]


@contextmanager
def connect_chat(
    bootstrap_servers: str,
    redis_url: str,
    *,
    topic: str = "chat.messages",
    feedback_topic: str = "chat.feedback",
    password: str | None = None,
    security: KafkaSecurityConfig | None = None,
    timeout_s: float = 30.0,
) -> Iterator[ChatClient]:
    """A client; its connections are closed behind the block. Raises Kafka's errors where no broker answers.

    `password` is Redis's; `security` names where Kafka's secrets are in the environment. A message that no broker
    takes within `timeout_s` is given up: it does not come later.
    """
    secured = client_security(security or KafkaSecurityConfig())
    limits = dict.fromkeys(_LIMITS, int(timeout_s * 1000))
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers.split(","), **limits, **secured)
    client = redis.Redis.from_url(redis_url, password=password, decode_responses=True)
    try:
        yield ChatClient(producer, client, topic, feedback_topic, timeout_s=timeout_s)
    finally:
        producer.close(timeout=timeout_s)
        client.close()
