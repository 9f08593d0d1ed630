"""Records of the feedback topic in a Python worker: each with the message that it corrects, or the reason why not."""

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa
import redis
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from pipelines.corrections import Correction, read_correction
from pipelines.feedback import FEEDBACK, UNKNOWN_MESSAGE
from pipelines.io.predicted_messages import PredictedMessage, find_predicted
from pipelines.io.redis_connection import RedisConfig, RedisConnection
from udfs.screening import near_duplicate_key

Row = Mapping[str, Any]
_LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class FeedbackWorker:
    """All that a worker needs; it travels to the executors."""

    connection: RedisConnection
    redis: RedisConfig
    wait_s: float  # that a correction may come before its message's prediction
    max_bytes: int  # of a record


def join_feedback(records: DataFrame, worker: FeedbackWorker) -> DataFrame:
    """One row of FEEDBACK for each record of the topic (`value`, `partition`, `offset`, `timestamp`).

    The message of a correction is looked for until the correction is `wait_s` old. Raises MalgilError when Redis does
    not answer.
    """
    return records.mapInArrow(partial(_join_batches, worker), FEEDBACK)


def _join_batches(worker: FeedbackWorker, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    client, schema = _connect(worker.connection), to_arrow_schema(FEEDBACK)
    for batch in batches:
        rows = batch.to_pylist()
        read = [read_correction(row["value"], max_bytes=worker.max_bytes) for row in rows]
        times = {one.message_id: row["timestamp"].timestamp() for row, (one, _) in zip(rows, read, strict=True) if one}
        messages = _find_patiently(client, times, worker)
        found = [_join(row, *one, messages) for row, one in zip(rows, read, strict=True)]
        yield pa.RecordBatch.from_pylist(found, schema=schema)


@lru_cache(maxsize=1)
def _connect(connection: RedisConnection) -> redis.Redis:
    """This worker's client."""
    return connection.open()


def _find_patiently(
    client: redis.Redis, corrected_at: Mapping[str, float], worker: FeedbackWorker
) -> dict[str, PredictedMessage]:
    """The messages, by id, that stand in Redis; those that do not are looked for until their time is over."""
    found: dict[str, PredictedMessage] = {}
    wanted = list(corrected_at)
    while wanted:
        for start in range(0, len(wanted), worker.redis.batch_rows):
            found |= find_predicted(client, wanted[start : start + worker.redis.batch_rows])
        oldest = time.time() - worker.wait_s
        wanted = [message_id for message_id in wanted if message_id not in found and corrected_at[message_id] > oldest]
        if wanted:
            time.sleep(_LOOK_EVERY_S)
    return found


def _join(
    row: Row, correction: Correction | None, reason: str | None, messages: Mapping[str, PredictedMessage]
) -> dict[str, Any]:
    message = messages.get(correction.message_id) if correction else None
    value = row["value"]
    return {
        "message_id": correction.message_id if correction else None,
        "room_id": message.room_id if message else None,
        "bot_id": message.bot_id if message else None,
        "text": message.text if message else None,
        "text_key": hashlib.md5(near_duplicate_key(message.text).encode()).digest() if message else None,
        "intent": correction.intent if correction else None,
        "predicted": message.intent if message else None,
        "corrected_at": row["timestamp"],
        "partition": row["partition"],
        "offset": row["offset"],
        "reason": reason or (None if message else UNKNOWN_MESSAGE),
        "sha256": hashlib.sha256(value).hexdigest() if value is not None else None,
    }
