"""Live messages through a Python worker: predicted, written to Redis, and handed back as records for Kafka."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial

import pyarrow as pa
import redis
from pyspark import Accumulator
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession

from pipelines.arrow_rows import read_rows
from pipelines.io.followed_models import ModelSource, follow_models
from pipelines.io.kafka_topics import RECORD, KafkaConfig
from pipelines.io.redis_connection import RedisConfig, RedisConnection
from pipelines.io.redis_writes import WRITE_FIRST, PredictionWrite, write_to_redis
from pipelines.io.worker_errors import find_own_error
from pipelines.live_counts import Counts, count_outcomes
from pipelines.live_prediction import Outcomes, predict_messages
from pipelines.polling import polling
from pipelines.write_behind import write_behind
from udfs.screening import ScreeningConfig

log = logging.getLogger(__name__)

_TOUCH_EVERY_S = 20.0  # Spark ends idle Python workers after a minute, and with them the models that they loaded
_PART_ROWS = 4_000  # predicted while those before them are written; the network wants many of one length together
_ARROW_RECORD = pa.schema([(name, pa.string()) for name in RECORD.fieldNames()])


@dataclass(frozen=True)
class LiveWorker:
    """All that a worker needs; it travels to the executors."""

    models: ModelSource
    screening: ScreeningConfig
    connection: RedisConnection
    redis: RedisConfig
    kafka: KafkaConfig
    keeps_texts: bool  # whether Redis gets the clean texts as well, which feedback is joined with


def predict_live(messages: DataFrame, worker: LiveWorker, counts: Accumulator[Counts]) -> DataFrame:
    """One row of RECORD for each prediction and each dead letter of live_messages.LIVE_MESSAGE; counts what it did.

    When a row comes out, its prediction stands in Redis. Guarantee: at least once, idempotent by message_id. The
    first prediction of a message stays, whoever made it and whatever becomes of a replay: a message that comes again
    changes nothing that a reader can see, and its record is what stands in Redis. Holds for `redis.ttl_s`, and as
    long as Redis keeps its data. Raises MalgilError when Redis does not take them, or when no model can predict.
    """
    return messages.mapInArrow(partial(_predict_batches, worker, counts), RECORD)


@contextmanager
def warm_workers(spark: SparkSession, models: ModelSource) -> Iterator[None]:
    """Inside, a Python worker with the model is ready in each task slot, so that no message waits for its start.

    Raises MalgilError when no model can predict.
    """
    try:
        _touch_workers(spark, models)
    except PythonException as error:
        raise find_own_error(error) or error from error
    with polling(lambda: _touch_patiently(spark, models), every_s=_TOUCH_EVERY_S, name="warm-workers"):
        yield


def _touch_workers(spark: SparkSession, models: ModelSource) -> None:
    slots = spark.sparkContext.defaultParallelism
    spark.range(slots, numPartitions=slots).mapInArrow(partial(_load_model, models), "id long").collect()


def _touch_patiently(spark: SparkSession, models: ModelSource) -> None:
    try:
        _touch_workers(spark, models)
    except Exception as error:  # the query itself tells what is wrong, if it stays so
        log.warning("the Python workers were not reached: %s", type(error).__name__)


def _load_model(models: ModelSource, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    follow_models(models)
    yield from batches


def _predict_batches(
    worker: LiveWorker, counts: Accumulator[Counts], batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    client, followed = _connect(worker.connection), follow_models(worker.models)
    parts = (part for batch in batches for part in _cut(batch))
    predicted = (predict_messages(read_rows(part), followed.current, screening=worker.screening) for part in parts)
    # else all workers of a backlog come to Redis at one time, and wait for each other there
    for outcomes, stood in write_behind(predicted, partial(_write_predictions, client, worker)):
        repeated = sum(text is not None for text in stood)
        counts.add(count_outcomes(outcomes, repeated=repeated))
        yield _records(outcomes, stood, worker.kafka)


def _cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    yield from (batch.slice(start, _PART_ROWS) for start in range(0, batch.num_rows, _PART_ROWS))


@lru_cache(maxsize=1)
def _connect(connection: RedisConnection) -> redis.Redis:
    """This worker's client."""
    return connection.open()


def _write_predictions(client: redis.Redis, worker: LiveWorker, outcomes: Outcomes) -> list[str | None]:
    """For each prediction the one that stood there before it; None where it is the first."""
    kept = outcomes.texts if worker.keeps_texts else [None] * len(outcomes.texts)
    pairs = zip(outcomes.predictions, kept, strict=True)
    writes = [PredictionWrite(p.message_id, p.room_id, p.value, text) for p, text in pairs]
    stood: list[bytes | None] = []
    for start in range(0, len(writes), worker.redis.batch_rows):
        stood += write_to_redis(client, WRITE_FIRST, writes[start : start + worker.redis.batch_rows], worker.redis)
    return [None if text is None else text.decode() for text in stood]


def _records(outcomes: Outcomes, stood: Sequence[str | None], config: KafkaConfig) -> pa.RecordBatch:
    predictions = [
        (config.predictions, prediction.room_id, before or prediction.value)
        for prediction, before in zip(outcomes.predictions, stood, strict=True)
    ]
    letters = [(config.dead_letters, letter.room_id, letter.value) for letter in outcomes.dead_letters]
    columns = zip(*predictions, *letters, strict=True) if predictions or letters else ((), (), ())
    return pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=_ARROW_RECORD)
