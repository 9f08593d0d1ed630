"""Messages that were predicted, as Redis keeps them: the text that the model saw, beside the prediction."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import redis

from pipelines.io.redis_writes import ask, prediction_key, text_key


class PredictedMessage(NamedTuple):
    """A message and what was predicted of it."""

    text: str  # clean and masked
    room_id: str | None
    bot_id: str | None
    intent: str | None  # the predicted one


def find_predicted(client: redis.Redis, message_ids: Sequence[str]) -> dict[str, PredictedMessage]:
    """Those of the messages whose text and prediction both stand. Raises MalgilError when Redis does not answer."""
    keys = [key for message_id in message_ids for key in (text_key(message_id), prediction_key(message_id))]
    values: Any = ask(lambda: client.mget(keys))
    found = zip(message_ids, values[::2], values[1::2], strict=True)
    return {message_id: _read(text, value) for message_id, text, value in found if text and value}


def _read(text: bytes, prediction: bytes) -> PredictedMessage:
    value: dict[str, Any] = json.loads(prediction)
    return PredictedMessage(text.decode(), value["room_id"], value["bot_id"], value["intent"])
