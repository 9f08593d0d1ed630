"""Predictions into Redis, where the chatbot's front end reads them: those of a batch, and those that Redis lost."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import redis
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import MalgilError
from pipelines.io.redis_connection import RedisConfig, RedisConnection, connect_redis
from pipelines.io.redis_writes import WRITE_FIRST, WRITE_NEWER, PredictionWrite, write_to_redis
from pipelines.io.store import Manifest, Store
from pipelines.io.tracking import hide_credentials
from pipelines.io.worker_errors import find_own_error
from pipelines.prediction import PREDICTION
from pipelines.prediction_json import prediction_json

__all__ = [
    "RedisConfig",
    "RedisWrites",
    "are_published",
    "find_version",
    "publish_predictions",
    "read_address",
    "read_predictions",
    "restore_predictions",
    "write_predictions_to_redis",
]

_Write = Callable[[redis.Redis, Iterable[PredictionWrite], RedisConfig], int]  # how many were not there before


@dataclass(frozen=True)
class RedisWrites:
    """What became of the predictions: all of them stand in Redis, `changed` were not there before."""

    predictions: int
    changed: int


def write_predictions_to_redis(predictions: DataFrame, config: RedisConfig) -> RedisWrites:
    """Write predictions (columns of prediction.PREDICTION) and count them.

    Guarantee: at least once, idempotent by message_id. Each message's key and its room's stream change
    together or not at all (one Lua script). A replay, which is the same prediction by the same models at
    whatever time, changes nothing that a reader can see, its TTL included; a prediction never replaces one
    that a newer version of a model made or that is newer itself. Holds as long as a replay comes within
    `ttl_s`. On a failure the rows written so far stay, and running it again completes them.

    Raises MalgilError when Redis does not answer or refuses a write, after the connection's and Spark's retries.
    """
    rows = predictions.select("message_id", "room_id", prediction_json().alias("prediction"))
    return _write_rows(rows, _write_newer, config)


def restore_predictions(records: DataFrame, config: RedisConfig) -> RedisWrites:
    """Write what the predictions topic holds (`message_id`, `room_id`, `prediction`) to a Redis that lost it.

    Guarantee: at least once, idempotent by message_id. What stands in Redis stays; of a message with several records
    the first one is written, as by live prediction. Rooms get theirs in the order of the records, behind those that
    they have by then. Each stands for `ttl_s` from now. On a failure running it again writes what is missing.

    Raises MalgilError as `write_predictions_to_redis` does.
    """
    return _write_rows(records, _write_missing, config)


def _write_newer(client: redis.Redis, writes: Iterable[PredictionWrite], config: RedisConfig) -> int:
    return sum(write_to_redis(client, WRITE_NEWER, writes, config))


def _write_missing(client: redis.Redis, writes: Iterable[PredictionWrite], config: RedisConfig) -> int:
    return write_to_redis(client, WRITE_FIRST, writes, config).count(None)


def _write_rows(rows: DataFrame, write: _Write, config: RedisConfig) -> RedisWrites:
    connection = connect_redis(config, rows.sparkSession)
    counts = rows.mapInArrow(partial(_write_partition, connection, write, config), "predictions long, changed long")
    totals = counts.agg(*(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in counts.columns))
    try:
        (row,) = totals.collect()
    except PythonException as error:
        raise find_own_error(error) or error from error
    return RedisWrites(**row.asDict())


def publish_predictions(store: Store, output_id: str, predictions: DataFrame, config: RedisConfig) -> Manifest:
    """Make the output `predictions/<id>` (Parquet) and bring it to Redis; returns its counts.

    Redis gets what the Parquet holds, so a run that was killed between the two predicts nothing anew. A note in
    Redis, which expires with the first of the predictions that this call writes, says that they are all there.
    """
    spark, url = predictions.sparkSession, store.url("predictions", output_id, "data")
    client = connect_redis(config, spark).open()
    manifest = store.manifest("predictions", output_id)
    if manifest is None:
        manifest = store.publish("predictions", output_id, lambda draft: _write_parquet(predictions, draft))
    if not client.exists(_published_key(output_id)):
        expires_at = int(time.time()) + config.ttl_s
        writes = write_predictions_to_redis(spark.read.schema(PREDICTION).parquet(url), config)
        client.set(_published_key(output_id), writes.predictions, exat=expires_at)
    return manifest


def are_published(store: Store, output_id: str, config: RedisConfig, spark: SparkSession) -> bool:
    """Whether the output stands in the store and all of it in Redis."""
    if store.manifest("predictions", output_id) is None:
        return False
    return bool(connect_redis(config, spark).open().exists(_published_key(output_id)))


def read_predictions(spark: SparkSession, store: Store, output_id: str) -> DataFrame:
    """The rows (prediction.PREDICTION) of an output. Raises MalgilError where there is none."""
    if store.manifest("predictions", output_id) is None:
        raise MalgilError(f"expected predictions/{output_id} in {store.root}, found nothing; run predict_batch")
    return spark.read.schema(PREDICTION).parquet(store.url("predictions", output_id, "data"))


def find_version(predictions: DataFrame) -> str:
    """The version of the intent model that made an output's predictions. Raises MalgilError where there are none."""
    found = predictions.select("models.intent").first()
    if found is None:
        raise MalgilError("expected predictions of one day, found an output without any; name another")
    return str(found["intent"])


def read_address(config: RedisConfig, spark: SparkSession) -> str:
    """The URL of the Redis that predictions go to, for people: without a password."""
    return hide_credentials(connect_redis(config, spark).url)


def _write_parquet(predictions: DataFrame, draft: str) -> dict[str, int]:
    url = f"{draft}/data"
    predictions.write.parquet(url)
    written = predictions.sparkSession.read.schema(PREDICTION).parquet(url)
    counts = written.select(F.count("*").alias("predictions"), F.count_if("is_out_of_scope").alias("out_of_scope"))
    return {name: int(value) for name, value in counts.collect()[0].asDict().items()}


def _published_key(output_id: str) -> str:
    return f"malgil:batch:{output_id}"


def _write_partition(
    connection: RedisConnection, write: _Write, config: RedisConfig, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    client = connection.open()
    try:
        for batch in batches:
            for start in range(0, batch.num_rows, config.batch_rows):
                rows = batch.slice(start, config.batch_rows)
                writes = map(PredictionWrite, *(column.to_pylist() for column in rows.columns))
                changed = write(client, writes, config)
                yield pa.RecordBatch.from_pydict({"predictions": [rows.num_rows], "changed": [changed]})
    finally:
        client.close()
