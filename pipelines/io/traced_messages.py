"""Where one message and its prediction stand: in Redis or a batch's Parquet, in the raw files or on Kafka."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds

from pipelines.io.filesystems import open_filesystem
from pipelines.io.kafka_security import client_security
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.redis_connection import RedisConfig, connect_redis
from pipelines.io.redis_writes import prediction_key
from pipelines.io.store import Store

if TYPE_CHECKING:
    from kafka import KafkaConsumer

log = logging.getLogger(__name__)

_PREDICTIONS = "predictions"
_MARGIN = timedelta(seconds=5)  # by which the clocks of those who send, of Kafka and of workers may differ
_MAX_RECORDS = 100_000  # of a partition that are looked through for a message


@dataclass(frozen=True)
class TraceConfig:
    """What is traced."""

    message_id: str = ""  # of the message whose prediction is followed back


@dataclass(frozen=True)
class TracedPrediction:
    """A prediction, and where it was found."""

    value: Mapping[str, Any]  # as its JSON
    place: str  # "redis", or the URL of the batch's output
    output_id: str | None  # of the batch that made it; None: live prediction, or its output is gone


def find_prediction(store: Store, message_id: str, config: RedisConfig) -> TracedPrediction | None:
    """The message's prediction, from Redis, else from the newest batch that has one. Raises MalgilError."""
    found = connect_redis(config, None).open().get(prediction_key(message_id))
    if isinstance(found, bytes):
        value = json.loads(found)
        return TracedPrediction(value, "redis", _find_batch(store, value["predicted_at"]))
    for output_id in reversed(store.outputs(_PREDICTIONS)):
        rows = _read_rows(store, _PREDICTIONS, output_id, message_id)
        if rows:
            return TracedPrediction(rows[0], store.url(_PREDICTIONS, output_id), output_id)
    return None


def find_source(store: Store, clean_id: str, message_id: str) -> dict[str, Any] | None:
    """The raw file that a clean message came from."""
    rows = _read_rows(store, "clean", clean_id, message_id, columns=["source_file"])
    return {"file": rows[0]["source_file"]} if rows else None


def find_record(config: KafkaConfig, value: Mapping[str, Any]) -> dict[str, Any] | None:
    """Topic, partition and offset of the message of a live prediction; None where Kafka no longer has it.

    Looks between the times at which it was sent and predicted. None, and a line in the log, where Kafka does not
    answer: the rest of a trace does not need it.
    """
    from kafka.errors import KafkaError

    try:
        return _find_record(config, value)
    except KafkaError as error:
        log.warning("the message was not looked for on Kafka at %s: %s", config.bootstrap_servers, type(error).__name__)
        return None


def _find_record(config: KafkaConfig, value: Mapping[str, Any]) -> dict[str, Any] | None:
    """Raises Kafka's errors."""
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        bootstrap_servers=config.bootstrap_servers.split(","), enable_auto_commit=False,
        bootstrap_timeout_ms=int(config.timeout_s * 1000), **client_security(config.security),
    )  # fmt: skip
    try:
        return next(_search(consumer, config.messages, value), None)
    finally:
        consumer.close()


def _search(consumer: "KafkaConsumer", topic: str, value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The places of records of the topic with the prediction's message_id, between its two times."""
    from kafka import TopicPartition

    predicted_at = read_time(value["predicted_at"])
    since_ms = _to_ms((read_time(value["sent_at"]) if value["sent_at"] else predicted_at) - _MARGIN)
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    starts, ends = consumer.offsets_for_times(dict.fromkeys(partitions, since_ms)), consumer.end_offsets(partitions)
    for partition in partitions:
        start = starts.get(partition)
        if start is None or start.offset >= ends[partition]:
            continue
        consumer.assign([partition])
        consumer.seek(partition, start.offset)
        for record in islice(consumer, min(ends[partition] - start.offset, _MAX_RECORDS)):
            if record.timestamp > _to_ms(predicted_at + _MARGIN):
                break
            if value["message_id"].encode() in (record.value or b""):
                yield {"topic": topic, "partition": partition.partition, "offset": record.offset}


def read_time(text: str) -> datetime:
    """Of a prediction's JSON, or of a run's record."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _to_ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _find_batch(store: Store, predicted_at: str) -> str | None:
    """The output of the batch whose clock said so: all its predictions carry its time."""
    wanted = read_time(predicted_at)
    for output_id in reversed(store.outputs(_PREDICTIONS)):
        maker = store.origin(_PREDICTIONS, output_id).get("made_by")
        if maker and read_time(maker["now"]) == wanted:
            return output_id
    return None


def _read_rows(
    store: Store, kind: str, output_id: str, message_id: str, *, columns: list[str] | None = None
) -> list[dict[str, Any]]:
    """Rows of an output's Parquet with this message_id: the column of ids is read, whole row groups are skipped."""
    filesystem, path = open_filesystem(store.url(kind, output_id, "data"))
    rows = ds.dataset(path, filesystem=filesystem, format="parquet", exclude_invalid_files=False)
    found = rows.to_table(columns=columns, filter=ds.field("message_id") == message_id).to_pylist()
    return [{name: _to_text(value) for name, value in row.items()} for row in found]


def _to_text(value: Any) -> Any:
    """A time as JSON holds it: Spark's files have it in UTC without saying so."""
    return value.replace(tzinfo=timezone.utc).isoformat() if isinstance(value, datetime) else value
