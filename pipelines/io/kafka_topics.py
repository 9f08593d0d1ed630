"""The topics of live prediction: made where they are missing, read, written to."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.errors import MalgilError
from pipelines.io.kafka_security import KafkaSecurityConfig, client_security, spark_security
from pipelines.io.raw_messages import RawMessages

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

log = logging.getLogger(__name__)

RECORD = T.StructType(
    [
        T.StructField("topic", T.StringType(), nullable=False),
        T.StructField("key", T.StringType()),
        T.StructField("value", T.StringType(), nullable=False),
    ]
)
# Few large requests: a task sends all its rows and then waits for them, whatever time they may linger
_PRODUCER = {"kafka.linger.ms": "100", "kafka.batch.size": "131072"}


@dataclass(frozen=True)
class KafkaConfig:
    """The Kafka that messages come from and predictions go to."""

    bootstrap_servers: str = "127.0.0.1:9092"  # host:port, several with commas
    messages: str = "chat.messages"  # topic of what people say, one JSON object a record
    predictions: str = "chat.predictions"  # topic of what was predicted, as in Redis
    dead_letters: str = "chat.dead-letters"  # topic of records that cannot be predicted, with the reason
    feedback: str = "chat.feedback"  # topic of corrections: a message's id and the intent that is right
    partitions: int = 2  # of a topic that is missing, which is then made; 0: it must be there
    timeout_s: float = 10.0  # for the broker's first answer
    security: KafkaSecurityConfig = field(default_factory=KafkaSecurityConfig)  # TLS and SASL


def make_topics(config: KafkaConfig, topics: Sequence[str] = ()) -> None:
    """See that these topics are there, or the four of live prediction; a missing one is made, as the broker replicates.

    Raises MalgilError when no broker answers, or when one is missing and `partitions` is 0 or Kafka refuses.
    """
    client = _open_admin(config)
    try:
        wanted = topics or (config.messages, config.predictions, config.dead_letters, config.feedback)
        missing = sorted({*wanted} - set(client.list_topics()))
        if missing:
            _make_missing(client, missing, config)
    finally:
        client.close()


def read_messages_topic(spark: SparkSession, config: KafkaConfig, options: Mapping[str, str]) -> RawMessages:
    """The messages topic as a stream of raw lines, a record being a line, its partition a block of its topic.

    `options` are those of Spark's Kafka source.
    """
    rows = _read_topic(spark, config, config.messages, options).select(
        F.col("value").cast("string").alias("value"),  # whatever bytes: nothing is decoded
        F.col("topic").alias("source_file"),
        F.col("partition").alias("source_block"),
        F.col("offset").alias("position"),
    )
    return RawMessages(rows, (), None)


def read_feedback_topic(spark: SparkSession, config: KafkaConfig, options: Mapping[str, str]) -> DataFrame:
    """The feedback topic as a stream of records: `value` (bytes), `partition`, `offset` and `timestamp`."""
    return _read_topic(spark, config, config.feedback, options).select("value", "partition", "offset", "timestamp")


def read_predictions_topic(spark: SparkSession, config: KafkaConfig, *, since: datetime) -> DataFrame:
    """The predictions that were written since then: `message_id`, `room_id` and `prediction` (JSON).

    In the order of the topic within each of its partitions; a record without a message_id is left out.
    """
    start = {"startingTimestamp": str(int(since.timestamp() * 1000)), "startingOffsetsByTimestampStrategy": "latest"}
    records = spark.read.format("kafka").options(**_client(config), subscribe=config.predictions, **start).load()
    value = F.col("value").cast("string")
    rows = records.where(F.col("timestamp") >= F.lit(since)).select(
        F.get_json_object(value, "$.message_id").alias("message_id"),
        F.col("key").cast("string").alias("room_id"),
        value.alias("prediction"),
    )
    return rows.where(F.col("message_id").isNotNull())


def write_records(records: DataFrame, config: KafkaConfig) -> None:
    """Write rows of RECORD, each to its topic. At least once: what a task that failed has written stays."""
    records.select(*RECORD.fieldNames()).write.format("kafka").options(**_client(config)).save()


def _read_topic(spark: SparkSession, config: KafkaConfig, topic: str, options: Mapping[str, str]) -> DataFrame:
    return spark.readStream.format("kafka").options(**_client(config), subscribe=topic, **options).load()


def _client(config: KafkaConfig) -> dict[str, str]:
    return {"kafka.bootstrap.servers": config.bootstrap_servers, **spark_security(config.security)}


def _open_admin(config: KafkaConfig) -> "KafkaAdminClient":
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    logging.getLogger("kafka").setLevel(logging.WARNING)  # it tells each step of each connection
    servers, timeout_ms = config.bootstrap_servers.split(","), int(config.timeout_s * 1000)
    try:
        return KafkaAdminClient(
            bootstrap_servers=servers, bootstrap_timeout_ms=timeout_ms, **client_security(config.security)
        )
    except KafkaError as error:
        raise MalgilError(
            f"kafka.bootstrap_servers: expected Kafka at {config.bootstrap_servers}, received: "
            f"{type(error).__name__}; start it, set another, or see kafka.security"
        ) from error


def _make_missing(client: "KafkaAdminClient", topics: Sequence[str], config: KafkaConfig) -> None:
    from kafka.errors import KafkaError, TopicAlreadyExistsError

    if not config.partitions:
        raise _missing(topics, config, "kafka.partitions is 0")
    wanted = {topic: {"num_partitions": config.partitions} for topic in topics}
    try:
        client.create_topics(wanted, wait_for_metadata=True)
    except TopicAlreadyExistsError:  # somebody else was faster
        log.info("of the topics %s one was made just now", ", ".join(topics))
    except KafkaError as error:
        raise _missing(topics, config, f"Kafka makes none: {type(error).__name__}") from error


def _missing(topics: Sequence[str], config: KafkaConfig, reason: str) -> MalgilError:
    return MalgilError(
        f"kafka: expected the topics {', '.join(topics)} at {config.bootstrap_servers}, found none of that name, and "
        f"{reason}; make them, or set kafka.partitions"
    )
