"""Predictions into Redis, where the chatbot's front end reads them.

`malgil:prediction:{message_id}` holds a message's prediction as JSON, for `ttl_s`;
`malgil:room:{room_id}` is a Redis Stream of that room's predictions, trimmed and kept as long.
Redis Cluster is out of scope: a message's two keys lie in different slots.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import redis
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import MalgilError
from pipelines.io.redis_connection import RedisConfig, RedisConnection, connect_redis
from pipelines.io.store import Manifest, Store
from pipelines.io.tracking import hide_credentials
from pipelines.prediction import PREDICTION, prediction_json

__all__ = [
    "RedisConfig",
    "RedisWrites",
    "are_published",
    "prediction_key",
    "publish_predictions",
    "read_address",
    "room_key",
    "write_predictions_to_redis",
]

_FAILED = "Redis did not take the predictions"


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
    connection = connect_redis(config, predictions.sparkSession)
    rows = predictions.select("message_id", "room_id", prediction_json().alias("prediction"))
    counts = rows.mapInArrow(partial(_write_partition, connection, config), "predictions long, changed long")
    totals = counts.agg(*(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in counts.columns))
    try:
        (row,) = totals.collect()
    except PythonException as error:
        raise _refusal(error) from error
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
    connection: RedisConnection, config: RedisConfig, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    client = connection.open()
    try:
        for batch in batches:
            for start in range(0, batch.num_rows, config.batch_rows):
                rows = batch.slice(start, config.batch_rows)
                changed = _write_rows(client, config, *(column.to_pylist() for column in rows.columns))
                yield pa.RecordBatch.from_pydict({"predictions": [rows.num_rows], "changed": [changed]})
    finally:
        client.close()


def _write_rows(
    client: redis.Redis,
    config: RedisConfig,
    message_ids: Sequence[str],
    room_ids: Sequence[str | None],
    predictions: Sequence[str],
) -> int:
    """How many were new or newer."""
    pipeline = client.pipeline(transaction=False)
    write = client.register_script(WRITE_PREDICTION)
    for message_id, room_id, prediction in zip(message_ids, room_ids, predictions, strict=True):
        keys = [prediction_key(message_id)] + ([room_key(room_id)] if room_id is not None else [])
        write(keys, [prediction, config.ttl_s, config.room_stream_length, message_id], client=pipeline)
    try:
        answers = pipeline.execute(raise_on_error=False)  # raised by redis-py, an error would quote the rows
    except redis.ConnectionError as error:
        raise MalgilError(f"{_FAILED}: {error}; run it again when it answers") from error
    for answer in answers:
        if isinstance(answer, Exception):
            advice = "see its memory (redis.embedded.max_memory for the embedded one), disk and rights"
            raise MalgilError(f"{_FAILED}: {answer}; {advice}")
    return sum(answers)


def _refusal(error: PythonException) -> Exception:
    """The error of an executor that could not write, as one line; any other as it is."""
    found = re.search(f"{_FAILED}: .*", str(error))
    return MalgilError(found.group()) if found else error


def prediction_key(message_id: str) -> str:
    return f"malgil:prediction:{message_id}"


def room_key(room_id: str) -> str:
    return f"malgil:room:{room_id}"


# Redis runs a script as a whole, and saves its data between two scripts: no reader and no crash sees the
# key without its entry in the stream. Probabilities within 0.0001 are equal: the last digits of a float
# depend on the rows that a message was predicted with.
WRITE_PREDICTION = """
local function is_same(a, b)
  if type(a) == 'number' and type(b) == 'number' then return math.abs(a - b) < 1e-4 end
  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end
  for key in pairs(b) do if a[key] == nil then return false end end
  for key, value in pairs(a) do if not is_same(value, b[key]) then return false end end
  return true
end

local function is_stale(new, stored)
  for name, version in pairs(stored.models) do
    local ours, theirs = tonumber(new.models[name]), tonumber(version)
    if ours and theirs and ours < theirs then return true end
  end
  return new.predicted_at < stored.predicted_at
end

local text = redis.call('GET', KEYS[1])
if text then
  local stored, new = cjson.decode(text), cjson.decode(ARGV[1])
  if is_stale(new, stored) then return 0 end
  new.predicted_at = stored.predicted_at
  if is_same(new, stored) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
if KEYS[2] then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'message_id', ARGV[4], 'prediction', ARGV[1])
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
return 1
"""
