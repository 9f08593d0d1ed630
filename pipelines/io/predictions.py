"""Predictions into Redis, where the chatbot's front end reads them.

`malgil:prediction:{message_id}` holds a message's prediction as JSON, for `ttl_s`;
`malgil:room:{room_id}` is a Redis Stream of that room's predictions, trimmed and kept as long.
Redis Cluster is out of scope: a message's two keys lie in different slots.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa
import redis
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from pipelines.errors import MalgilError
from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig
from pipelines.io.store import Manifest, Store
from pipelines.io.tracking import hide_credentials
from pipelines.prediction import PREDICTION, prediction_json

EMBEDDED = "embedded"


@dataclass(frozen=True)
class RedisConfig:
    """The Redis that predictions go to."""

    url: str = EMBEDDED  # "embedded", or redis://host:port/db; rediss:// for TLS
    password_env: str = "MALGIL_REDIS_PASSWORD"  # the environment variable with the password, if it needs one
    ca_file_env: str = "MALGIL_REDIS_CA_FILE"  # with the path of a CA certificate on every node, for TLS
    ttl_s: int = 7 * 24 * 3600  # a prediction goes this long after it was written
    room_stream_length: int = 1_000  # predictions kept a room, roughly: Redis trims whole blocks
    batch_rows: int = 500  # predictions sent at once
    timeout_s: float = 10.0  # for a connection, and for one answer
    retries: int = 5  # of a connection or a batch, after 0.1 s, 0.2 s, 0.4 s … up to 5 s
    embedded: EmbeddedRedisConfig = field(default_factory=EmbeddedRedisConfig)  # of the embedded one


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

    Raises MalgilError when Redis does not answer. An executor's failure is Spark's, after its own retries.
    """
    connection = _connection(config, predictions.sparkSession)
    _check(connection)
    rows = predictions.select("message_id", "room_id", prediction_json().alias("prediction"))
    counts = rows.mapInArrow(partial(_write_partition, connection, config), "predictions long, changed long")
    totals = counts.agg(*(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in counts.columns)).first()
    return RedisWrites(**totals.asDict()) if totals else RedisWrites(0, 0)


def publish_predictions(store: Store, output_id: str, predictions: DataFrame, config: RedisConfig) -> Manifest:
    """Make the output `predictions/<id>` (Parquet) and bring it to Redis; returns its counts.

    Redis gets what the Parquet holds, so a run that was killed between the two predicts nothing anew. A note in
    Redis, which expires no later than the predictions, says that they are all there.
    """
    spark, url = predictions.sparkSession, store.url("predictions", output_id, "data")
    manifest = store.manifest("predictions", output_id)
    if manifest is None:
        manifest = store.publish("predictions", output_id, lambda draft: _write_parquet(predictions, draft))
    client = _connection(config, spark).open()
    if not client.exists(_published_key(output_id)):
        writes = write_predictions_to_redis(spark.read.schema(PREDICTION).parquet(url), config)
        client.set(_published_key(output_id), writes.predictions, ex=config.ttl_s)
    return manifest


def are_published(store: Store, output_id: str, config: RedisConfig, spark: SparkSession) -> bool:
    """Whether the output stands in the store and all of it in Redis."""
    if store.manifest("predictions", output_id) is None:
        return False
    return bool(_connection(config, spark).open().exists(_published_key(output_id)))


def read_address(config: RedisConfig, spark: SparkSession) -> str:
    """The URL of the Redis that predictions go to, for people: without a password."""
    return hide_credentials(_connection(config, spark).url)


def _write_parquet(predictions: DataFrame, draft: str) -> dict[str, int]:
    url = f"{draft}/data"
    predictions.write.parquet(url)
    written = predictions.sparkSession.read.schema(PREDICTION).parquet(url)
    counts = written.select(F.count("*").alias("predictions"), F.count_if("is_out_of_scope").alias("out_of_scope"))
    return {name: int(value) for name, value in counts.collect()[0].asDict().items()}


def _published_key(output_id: str) -> str:
    return f"malgil:batch:{output_id}"


@dataclass(frozen=True)
class _Connection:
    url: str
    password: str | None = field(repr=False)
    ca_file: str | None
    timeout_s: float
    retries: int

    def open(self) -> redis.Redis:
        tls = {"ssl_ca_certs": self.ca_file} if self.ca_file and self.url.startswith("rediss:") else {}
        return redis.Redis.from_url(
            self.url,
            password=self.password,
            socket_timeout=self.timeout_s,
            socket_connect_timeout=self.timeout_s,
            retry=Retry(ExponentialBackoff(cap=5, base=0.1), self.retries),
            **tls,
        )


def _connection(config: RedisConfig, spark: SparkSession) -> _Connection:
    is_embedded = config.url == EMBEDDED
    return _Connection(
        url=_embedded_url(config, spark) if is_embedded else config.url,
        password=None if is_embedded else os.environ.get(config.password_env),
        ca_file=os.environ.get(config.ca_file_env),
        timeout_s=config.timeout_s,
        retries=config.retries,
    )


def _embedded_url(config: RedisConfig, spark: SparkSession) -> str:
    master = spark.sparkContext.master or ""
    if not master.startswith("local"):
        raise MalgilError(
            f"redis.url is 'embedded', which serves this machine only, but Spark runs on {master}: "
            "set redis.url to a Redis that all executors reach"
        )
    return embedded_redis.start(config.embedded).url


def _check(connection: _Connection) -> None:
    client = connection.open()
    address = client.connection_pool.connection_kwargs
    try:
        client.ping()
    except redis.RedisError as error:
        raise MalgilError(
            f"Redis at {address.get('host')}:{address.get('port')} does not take our predictions: {error}; "
            "start it, or set redis.url and the password's environment variable"
        ) from error
    finally:
        client.close()


def _write_partition(
    connection: _Connection, config: RedisConfig, batches: Iterable[pa.RecordBatch]
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
    answers = pipeline.execute(raise_on_error=False)  # raised by redis-py, an error would quote the rows
    for answer in answers:
        if isinstance(answer, Exception):
            raise MalgilError(f"Redis refused a prediction: {answer}; check its memory, disk and rights")
    return sum(answers)


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
