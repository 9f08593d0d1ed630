"""Messages that were predicted, as Redis keeps them: the text that the model saw, beside the prediction.

`malgil:text:{message_id}` holds the clean and masked text for as long as the prediction, so that a correction, which
names nothing but a message, is joined by two look-ups however many messages there are.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import redis

from pipelines.io.redis_connection import RedisConfig
from pipelines.io.redis_writes import execute, prediction_key


class PredictedMessage(NamedTuple):
    """A message and what was predicted of it."""

    text: str  # clean and masked
    room_id: str | None
    bot_id: str | None
    intent: str | None  # the predicted one


def keep_texts(client: redis.Redis, texts: Mapping[str, str], config: RedisConfig) -> None:
    """Keep clean texts by message_id for `ttl_s`; the first text of a message stays.

    Raises MalgilError when Redis does not answer or refuses one.
    """
    pipeline = client.pipeline(transaction=False)
    for message_id, text in texts.items():
        pipeline.set(_text_key(message_id), text, ex=config.ttl_s, nx=True)
    execute(pipeline)


def find_predicted(client: redis.Redis, message_ids: Sequence[str]) -> dict[str, PredictedMessage]:
    """Those of the messages whose text and prediction both stand. Raises MalgilError when Redis does not answer."""
    pipeline = client.pipeline(transaction=False)
    for message_id in message_ids:
        pipeline.mget(_text_key(message_id), prediction_key(message_id))
    answers = execute(pipeline)
    pairs = zip(message_ids, answers, strict=True)
    return {message_id: _read(text, value) for message_id, (text, value) in pairs if text and value}


def _read(text: bytes, prediction: bytes) -> PredictedMessage:
    value: dict[str, Any] = json.loads(prediction)
    return PredictedMessage(text.decode(), value["room_id"], value["bot_id"], value["intent"])


def _text_key(message_id: str) -> str:
    return f"malgil:text:{message_id}"
