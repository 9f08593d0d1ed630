"""The Redis that settings name: the embedded one or a URL, reached from the driver and from executors."""

import os
from dataclasses import dataclass, field

import redis
from pyspark.sql import SparkSession
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from pipelines.errors import MalgilError
from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig

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
class RedisConnection:
    """All that an executor needs to connect; the driver makes it, since secrets are in its environment."""

    url: str
    password: str | None = field(repr=False)
    ca_file: str | None
    timeout_s: float
    retries: int

    def open(self) -> redis.Redis:
        """A client that connects at its first command, and again after a lost connection."""
        tls = {"ssl_ca_certs": self.ca_file} if self.ca_file and self.url.startswith("rediss:") else {}
        return redis.Redis.from_url(
            self.url,
            password=self.password,
            socket_timeout=self.timeout_s,
            socket_connect_timeout=self.timeout_s,
            retry=Retry(ExponentialBackoff(cap=5, base=0.1), self.retries),
            **tls,
        )


def connect_redis(config: RedisConfig, spark: SparkSession | None) -> RedisConnection:
    """The way to the Redis, which has just answered; the embedded one is started where it does not run.

    `spark`: whose executors are to reach it; None where only this process is.

    Raises MalgilError when it does not answer, or when it is the embedded one and Spark is a cluster.
    """
    is_embedded = config.url == EMBEDDED
    connection = RedisConnection(
        url=_embedded_url(config, spark) if is_embedded else config.url,
        password=None if is_embedded else os.environ.get(config.password_env),
        ca_file=os.environ.get(config.ca_file_env),
        timeout_s=config.timeout_s,
        retries=config.retries,
    )
    _check(connection)
    return connection


def _embedded_url(config: RedisConfig, spark: SparkSession | None) -> str:
    master = (spark.sparkContext.master if spark else None) or "local"
    if not master.startswith("local"):
        raise MalgilError(
            f"redis.url is 'embedded', which serves this machine only, but Spark runs on {master}: "
            "set redis.url to a Redis that all executors reach"
        )
    return embedded_redis.start(config.embedded).url


def _check(connection: RedisConnection) -> None:
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
