"""Passages and knowledge bases in the store.

`passages/<id>/` holds what an input became. `knowledge/<version>/` has the passages of all bots, a file a bot that
finds them, and the list of those files (pipelines.io.sharded_versions). Its name follows from what is in it.
"""

import posixpath
from collections.abc import Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.io.knowledge_bases import KnowledgeRules, KnowledgeSource
from pipelines.io.model_files import ModelFiles
from pipelines.io.sharded_versions import (
    find_current,
    read_version,
    shard_column,
    shards_url,
    use_version,
    versions_folder,
    write_shards,
)
from pipelines.io.store import Manifest, Store
from pipelines.knowledge import OUTCOME, PASSAGE, KnowledgeConfig
from pipelines.knowledge_building import BASE, build_bases, carry_over

KIND = "knowledge"
_PASSAGES = "passages"
_DATA = "data"
_MAKER = "build_knowledge_base"


def knowledge_folder(store: Store) -> str:
    """The URL of the folder of all versions."""
    return versions_folder(store, KIND)


def find_current_knowledge(store: Store) -> Manifest | None:
    """The manifest of the version in use, with its `version`; None before the first one."""
    return find_current(store, KIND)


def name_rules(config: KnowledgeConfig) -> KnowledgeRules:
    """Those of a process that predicts."""
    return KnowledgeRules(config.count, config.cached_mib)


def find_knowledge(store: Store, config: KnowledgeConfig) -> KnowledgeSource | None:
    """The version in use, for executors; None where there is none."""
    version = read_version(knowledge_folder(store))
    return KnowledgeSource(version, name_rules(config)) if version else None


def publish_passages(store: Store, output_id: str, outcomes: DataFrame) -> Manifest:
    """Make the output `passages/<id>` of rows of OUTCOME; its manifest counts passages, and rejected ones by reason."""

    def write(draft: str) -> dict[str, Any]:
        url = posixpath.join(draft, _DATA)
        outcomes.write.parquet(url)
        counts = outcomes.sparkSession.read.schema(OUTCOME).parquet(url).groupBy("reason").count().collect()
        by_reason = {row["reason"]: int(row["count"]) for row in counts}
        passages = by_reason.pop(None, 0)
        return {"read": passages + sum(by_reason.values()), "passages": passages, "rejected": by_reason}

    return store.publish(_PASSAGES, output_id, write)


def read_passages(spark: SparkSession, store: Store, output_id: str) -> DataFrame:
    """The passages (PASSAGE) of an input."""
    outcomes = spark.read.schema(OUTCOME).parquet(store.url(_PASSAGES, output_id, _DATA))
    return outcomes.where(F.col("reason").isNull()).select(*PASSAGE.fieldNames())


def read_knowledge(spark: SparkSession, store: Store, current: Manifest | None) -> DataFrame:
    """The passages (PASSAGE) of a version; of none, no passages."""
    if current is None:
        return spark.createDataFrame([], PASSAGE)
    return spark.read.schema(PASSAGE).parquet(store.url(KIND, current["version"], _PASSAGES))


def publish_knowledge(
    store: Store, version: str, passages: DataFrame, contents: DataFrame, model: ModelFiles | None,
    config: KnowledgeConfig, *, before: Manifest | None, facts: Mapping[str, Any],
) -> Manifest:  # fmt: skip
    """Make a version of passages (PASSAGE) and put it in use; returns its manifest, with its `version`.

    `contents` are `knowledge.list_contents`. Bots whose content stands in the version before are carried over. A
    version that stands is put in use again. Guarantee: a killed run leaves the version that was in use. Raises
    MalgilError where another run published since `before` was the one in use; that stays.
    """

    def write(draft: str) -> dict[str, Any]:
        spark = passages.sparkSession
        passages.write.parquet(posixpath.join(draft, _PASSAGES))
        written = spark.read.schema(PASSAGE).parquet(posixpath.join(draft, _PASSAGES))
        standing = _read_bases(spark, store, before)
        same = standing.join(contents.select("bot_id", "content"), on=["bot_id", "content"], how="left_semi")
        changed = contents.join(same.select("bot_id"), on="bot_id", how="left_anti").select("bot_id", "content")
        built = build_bases(written.join(F.broadcast(changed), on="bot_id", how="inner"), draft, model, config)
        carried = carry_over(same, store.url(KIND, before["version"]), draft) if before else same
        return {**facts, "shards": config.shards, **_write_bases(built.unionByName(carried), draft, config)}

    if store.manifest(KIND, version) is None:
        store.publish(KIND, version, write)
    return use_version(store, KIND, version, before=before, at=facts["made_at"], maker=_MAKER)


def _read_bases(spark: SparkSession, store: Store, current: Manifest | None) -> DataFrame:
    if current is None:
        return spark.createDataFrame([], BASE)
    return spark.read.schema(BASE).parquet(shards_url(store, KIND, current["version"]))


def _write_bases(bases: DataFrame, draft: str, config: KnowledgeConfig) -> dict[str, Any]:
    """The list's files, and counts of what is in it."""
    placed = bases.withColumn("shard", shard_column(config.shards)).repartition("shard")
    files = write_shards(placed, draft, shards=config.shards)
    weighted = F.try_divide(F.sum(F.col("right_share") * F.col("sampled")), F.sum("sampled"))
    counts = bases.sparkSession.read.schema(BASE).parquet(posixpath.join(draft, _DATA)).select(
        F.count("*").alias("bots"), F.count_if("is_new").alias("built"),
        *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("passages", "bytes")),
        weighted.alias("right_share"),
    )  # fmt: skip
    return {"files": files, **counts.collect()[0].asDict()}
