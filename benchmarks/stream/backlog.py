"""A backlog, and how fast a batch predicts the same rows."""

import time
from datetime import datetime, timezone

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.stream.bench import MODEL, Bench
from pipelines.io.kafka_connector import add_kafka_connector
from pipelines.io.kafka_topics import make_topics, write_records
from pipelines.io.predictions import publish_predictions
from pipelines.io.registry import download_champions, download_model
from pipelines.io.session import create_session
from pipelines.io.store import Store, StoreConfig
from pipelines.live_models import REPLY
from pipelines.prediction import PredictionConfig, add_predictions
from pipelines.replies import add_replies
from pipelines.suggestions import SuggestionsConfig

ROOMS = 1000
_WARM_ROWS = 10_000


def fill_backlog(bench: Bench, name: str, *, rows: int, batch_rows: int) -> int:
    """Put `rows` messages into the part's topic; the rows a second of predict_batch on the first `batch_rows`."""
    jars = add_kafka_connector({})["spark.jars"]
    spark = create_session("malgil-benchmark-stream", spark_jars=jars, spark_ui_showConsoleProgress="false")
    kafka, messages = bench.kafka(name), _messages(spark, bench.texts, rows)
    make_topics(kafka)
    value = F.to_json(F.struct(*messages.columns)).alias("value")
    records = messages.select(F.lit(kafka.messages).alias("topic"), F.col("room_id").alias("key"), value)
    write_records(records, kafka)
    rate = _measure_batch(bench, spark, batch_rows)
    spark.stop()
    return rate


def _messages(spark: SparkSession, texts: list[str], rows: int) -> DataFrame:
    numbered = spark.createDataFrame(list(enumerate(texts)), "text_number long, text string")
    numbers = spark.range(rows, numPartitions=8).withColumn("text_number", F.col("id") % len(texts))
    return numbers.join(F.broadcast(numbered), "text_number").select(
        F.concat(F.lit("m"), "id").alias("message_id"),
        F.concat(F.lit("room-"), F.col("id") % ROOMS).alias("room_id"),
        F.lit("shop").alias("bot_id"),
        F.lit("customer").alias("speaker"),
        F.lit(datetime.now(timezone.utc)).alias("sent_at"),
        "text",
    )


def _measure_batch(bench: Bench, spark: SparkSession, rows: int) -> int:
    """Of what predict_batch does with clean messages: predictions into Parquet, then into Redis; workers are warm."""
    model = download_model(bench.tracking, MODEL, "champion")
    labellers = download_champions(bench.tracking, bench.tracking.config.label_models)
    replier = download_champions(bench.tracking, {REPLY: bench.tracking.config.reply_model}).get(REPLY)
    store = Store(StoreConfig(root=str(bench.folder / "batch")))
    seconds = 0.0
    for count in (_WARM_ROWS, rows):
        bench.connect_redis()
        path = str(bench.folder / f"clean-{count}")
        _messages(spark, bench.texts, count).write.parquet(path)
        started = time.monotonic()
        messages, now = spark.read.parquet(path), datetime.now(timezone.utc)
        if replier:
            messages = add_replies(messages, replier, SuggestionsConfig())
        predictions = add_predictions(
            messages, model, PredictionConfig(), predicted_at=now, labellers=labellers,
            reply_version=replier.version if replier else None,
        )  # fmt: skip
        publish_predictions(store, f"rows-{count}", predictions, bench.redis_config)
        seconds = time.monotonic() - started
    return round(rows / seconds)
