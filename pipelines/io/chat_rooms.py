"""The chat page's way to Kafka and Redis: what is said goes to the one, what is predicted comes from the other.

Nothing is written but the message to Kafka, as any front end's: what a page shows later is the clean, masked text that
predict_stream keeps beside the prediction.
"""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

import redis
import redis.asyncio
from kafka.errors import KafkaError

from pipelines.errors import MalgilError
from pipelines.http_messages import read_body
from pipelines.io.chat_client import ChatClient, connect_chat
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.redis_connection import RedisConfig, RedisConnection, connect_redis
from pipelines.io.redis_writes import room_key, text_key
from pipelines.live_prediction import screen_message
from udfs.screening import ScreeningConfig

_BLOCK_MS = 1000  # how long Redis waits for news: a reader who is gone is found by then
_AT_ONCE = 50  # predictions of a room that are read in one go
FROM_START = "0-0"


class NotSaidError(MalgilError):
    """A message that nobody would predict; it was not sent. Its text is the reason alone."""


@dataclass(frozen=True)
class Heard:
    """A prediction of a room."""

    entry: str  # its place in the room's stream: what is behind it comes later
    prediction: dict[str, Any]  # as its JSON
    text: str | None  # what it is of, clean and masked; None where that is not kept


class ChatRooms:
    """One for all pages. Kafka and Redis are looked for when they are needed, and again after they failed."""

    def __init__(
        self, kafka: KafkaConfig, redis_config: RedisConfig, screening: ScreeningConfig, *, max_bytes: int,
        timeout_s: float,
    ) -> None:  # fmt: skip
        self._kafka, self._screening, self._max_bytes, self._timeout_s = kafka, screening, max_bytes, timeout_s
        logging.getLogger("kafka").setLevel(logging.CRITICAL)  # it tells each attempt; we tell the outcome
        self._redis_config = replace(redis_config, timeout_s=timeout_s, retries=0)
        self._lock, self._open = threading.Lock(), ExitStack()
        self._client: ChatClient | None = None
        self._connection: RedisConnection | None = None

    def say(self, room: str, text: str, *, bot_id: str | None = None) -> str:
        """Put a person's message, to this bot where one is named, into Kafka; returns its id when a broker has it.

        Raises NotSaidError where predict_stream's rules would make it a dead letter, MalgilError where Kafka does not
        take it: then it is nowhere.
        """
        body = json.dumps({"text": text, "room_id": room}).encode()
        row = read_body(body, max_bytes=self._max_bytes, received_at=datetime.now(timezone.utc))
        _, reason = screen_message(row, self._screening)
        if reason:
            raise NotSaidError(reason)
        try:
            return self._connect().send(text, room_id=room, bot_id=bot_id)
        except KafkaError as error:
            raise self._explain(error) from error

    def correct(self, message_id: str, intent: str) -> None:
        """Say which intent is right; returns when a broker has it. Raises MalgilError where Kafka does not take it."""
        try:
            self._connect().correct(message_id, intent)
        except KafkaError as error:
            raise self._explain(error) from error

    async def follow(self, room: str, after: str) -> AsyncGenerator[list[Heard], None]:
        """The room's predictions behind `after`, as they come, at least an empty list a second; without an end.

        Raises MalgilError where Redis does not answer.
        """
        connection = await asyncio.to_thread(self._connect_redis)
        client = redis.asyncio.Redis.from_url(
            connection.url, password=connection.password, decode_responses=True,
            socket_timeout=self._timeout_s + _BLOCK_MS / 1000, socket_connect_timeout=self._timeout_s,
        )  # fmt: skip
        try:
            async with aclosing(_follow(client, room, after)) as news:
                async for heard in news:
                    yield heard
        except redis.RedisError as error:
            raise MalgilError(f"redis.url: expected an answer of Redis, received {type(error).__name__}") from error
        finally:
            await client.aclose()

    def close(self) -> None:
        with self._lock:
            self._open.close()
            self._client = None

    def _connect(self) -> ChatClient:
        """Raises KafkaError where no broker answers."""
        with self._lock:
            if self._client is None:
                chat = connect_chat(
                    self._kafka.bootstrap_servers, "redis://", topic=self._kafka.messages,
                    feedback_topic=self._kafka.feedback, security=self._kafka.security, timeout_s=self._timeout_s,
                )  # fmt: skip
                self._client = self._open.enter_context(chat)
            return self._client

    def _connect_redis(self) -> RedisConnection:
        with self._lock:
            if self._connection is None:
                self._connection = connect_redis(self._redis_config, None)
            return self._connection

    def _explain(self, error: KafkaError) -> MalgilError:
        return MalgilError(
            f"kafka.bootstrap_servers: expected Kafka at {self._kafka.bootstrap_servers} to take the message, received "
            f"{type(error).__name__}; start it or set another"
        )


async def _follow(client: redis.asyncio.Redis, room: str, after: str) -> AsyncGenerator[list[Heard], None]:
    while True:
        answer: Any = await client.xread({room_key(room): after}, block=_BLOCK_MS, count=_AT_ONCE)
        entries = answer[0][1] if answer else []
        predictions = [(entry, json.loads(fields["prediction"])) for entry, fields in entries]
        texts: Any = await client.mget([text_key(one["message_id"]) for _, one in predictions]) if predictions else []
        yield [Heard(entry, one, text) for (entry, one), text in zip(predictions, texts, strict=True)]
        after = entries[-1][0] if entries else after
