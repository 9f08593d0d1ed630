"""The answers that may be suggested, beside a snapshot of pairs: vetted, and in clusters."""

import posixpath

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from models.dual_encoder_config import REPLY
from pipelines.clusters import ClustersConfig, link_words, polarity_of, seed_labels, seed_new_clusters, spread_labels
from pipelines.io.store import Store
from pipelines.suggestions import Response

_FOLDER = "responses"


def read_responses(spark: SparkSession, url: str) -> list[Response]:
    """The answers of a snapshot that may be suggested, the most frequent first: `max_responses` at most."""
    rows = spark.read.parquet(posixpath.join(url, _FOLDER)).orderBy(F.desc("rooms"), "reply_key").collect()
    return [Response(row["reply"], row["cluster"], row["polarity"]) for row in rows]


def write_responses(
    store: Store, draft: str, selected: DataFrame, tokenized: DataFrame, clusters: ClustersConfig, *, feature: str
) -> dict[str, int]:
    """Write `responses/*.parquet`, the selected answers in clusters; returns how many there are, and in clusters.

    `feature` names the tokens of pairs that link answers of one meaning. What a step makes and the next one reads
    twice is written down, so that a round of labels does not repeat those before it.
    """
    spark = tokenized.sparkSession
    chosen, linked, reached, seeded = (posixpath.join(draft, f"responses.{i}") for i in range(4))
    selected.write.parquet(chosen)
    responses = spark.read.parquet(chosen)
    link_words(_read_words(tokenized, responses, feature), clusters).write.parquet(linked)
    links, seeds = spark.read.parquet(linked), seed_labels(responses, clusters)
    spread_labels(links, seeds, clusters).write.parquet(reached)
    new = seed_new_clusters(responses, spark.read.parquet(reached), clusters)
    seeds.unionByName(new).write.parquet(seeded)
    labels = spread_labels(links, spark.read.parquet(seeded), clusters)
    labelled = responses.join(labels.drop("score"), on="reply_key", how="left")
    folder = posixpath.join(draft, _FOLDER)
    labelled.withColumn("polarity", polarity_of(F.col("cluster"), clusters)).write.parquet(folder)
    for url in (chosen, linked, reached, seeded):
        store.remove(url)
    return _describe(spark.read.parquet(folder))


def _read_words(tokenized: DataFrame, responses: DataFrame, feature: str) -> DataFrame:
    """`reply_key, words` of each training pair of an answer: the answer's, and the question's, which have a mark."""
    asked = F.transform(feature, lambda token: F.concat(F.lit("?"), token))
    words = tokenized.where(F.col("split") == "train").select(
        "reply_key", F.concat(REPLY + feature, asked).alias("words")
    )
    return words.join(responses.select("reply_key"), on="reply_key", how="left_semi")


def _describe(responses: DataFrame) -> dict[str, int]:
    counts = [
        F.count("*").alias("answers"), F.count("cluster").alias("in_clusters"),
        F.count_distinct("cluster").alias("clusters"),
    ]  # fmt: skip
    return {name: int(count) for name, count in responses.agg(*counts).collect()[0].asDict().items()}
