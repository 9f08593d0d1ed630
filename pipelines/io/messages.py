"""Clean messages and the quarantine in the store."""

import posixpath
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.io.raw_messages import RawMessages, add_source_lines
from pipelines.io.store import Manifest, Store
from pipelines.schemas import MESSAGE, QUARANTINE, SAID

_DATA = "data"
_STAGED = "staged"


def publish_clean_messages(store: Store, output_id: str, outcomes: DataFrame, raw: RawMessages) -> Manifest:
    """Make the outputs `quarantine/<id>` and then `clean/<id>`; returns the latter's manifest.

    All rows are written in one pass, so every text is cleaned once; the counts are those of what was written.
    """
    return store.publish("clean", output_id, lambda draft: _write(store, output_id, draft, outcomes, raw))


def _write(store: Store, output_id: str, draft: str, outcomes: DataFrame, raw: RawMessages) -> dict[str, Any]:
    spark = outcomes.sparkSession
    staged = posixpath.join(draft, _STAGED)
    outcomes.withColumn("is_clean", F.col("reason").isNull()).write.partitionBy("is_clean").parquet(staged)
    rejected = _read_rejected(spark, staged, outcomes)
    quarantine = store.publish("quarantine", output_id, lambda url: _write_quarantine(url, rejected, raw))
    clean = posixpath.join(staged, "is_clean=true")
    if store.exists(clean):
        store.move(clean, posixpath.join(draft, _DATA))
    else:
        spark.createDataFrame([], MESSAGE).write.parquet(posixpath.join(draft, _DATA))
    store.remove(staged)
    messages = spark.read.schema(T.StructType([*MESSAGE.fields, T.StructField("masks", T.IntegerType())])).parquet(
        posixpath.join(draft, _DATA)
    )
    return _describe(messages, quarantine["rejected"])


def read_clean_messages(spark: SparkSession, url: str) -> DataFrame:
    """Clean messages under schemas.MESSAGE."""
    return spark.read.schema(MESSAGE).parquet(posixpath.join(url, _DATA))


def read_quarantine(spark: SparkSession, url: str) -> DataFrame:
    """Rows that were kept out, under schemas.QUARANTINE."""
    return spark.read.schema(QUARANTINE).parquet(posixpath.join(url, _DATA))


def _read_rejected(spark: SparkSession, staged: str, outcomes: DataFrame) -> DataFrame:
    schema = T.StructType([*outcomes.schema.fields, T.StructField("is_clean", T.BooleanType())])
    return spark.read.schema(schema).parquet(staged).where(~F.col("is_clean"))


def _write_quarantine(url: str, rejected: DataFrame, raw: RawMessages) -> dict[str, Any]:
    rows = add_source_lines(rejected, raw).select(*QUARANTINE.fieldNames())
    rows.write.parquet(posixpath.join(url, _DATA))
    counts = read_quarantine(rejected.sparkSession, url).groupBy("reason").count().orderBy("reason").collect()
    return {"rejected": {row["reason"]: int(row["count"]) for row in counts}}


def _describe(messages: DataFrame, rejected: dict[str, int]) -> dict[str, Any]:
    content = F.sum(F.xxhash64(*SAID).cast("decimal(38,0)")).cast("string")
    found = messages.groupBy(F.coalesce("split", F.lit("none")).alias("part")).agg(
        F.count("*").alias("rows"), F.sum("masks").alias("masks"), content.alias("content")
    )
    parts = {row["part"]: row for row in found.orderBy("part").collect()}
    clean = sum(int(row["rows"]) for row in parts.values())
    return {
        "read": clean + sum(rejected.values()),
        "clean": clean,
        "rejected": rejected,
        "masked": sum(int(row["masks"] or 0) for row in parts.values()),
        "splits": {part: int(row["rows"]) for part, row in parts.items()},
        "content": {part: row["content"] for part, row in parts.items()},
    }
