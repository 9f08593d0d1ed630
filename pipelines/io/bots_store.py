"""All bots and their heads in the store: versions `bots/<run>/` (pipelines.io.sharded_versions)."""

import posixpath
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.bots import BOT, BotsConfig
from pipelines.io import sharded_versions
from pipelines.io.bot_heads import BotSource
from pipelines.io.model_files import ModelFiles, version_id
from pipelines.io.sharded_versions import (
    read_version,
    shard_column,
    shards_url,
    use_version,
    versions_folder,
    write_shards,
)
from pipelines.io.store import Manifest, Store

_KIND = "bots"
_COUNTS = ("bots", "trained", "without_head", "utterances", "learned", "right_by_itself", "tested", "right")


def bots_folder(store: Store) -> str:
    """The URL of the folder of all versions."""
    return versions_folder(store, _KIND)


def find_current(store: Store) -> Manifest | None:
    """The manifest of the version in use, with its `version`; None before the first one."""
    return sharded_versions.find_current(store, _KIND)


def find_source(store: Store, model: ModelFiles, config: BotsConfig) -> BotSource | None:
    """The heads in use, for executors; None where they read another model's encoder, or where there are none."""
    version = read_version(bots_folder(store))
    return BotSource(version, config.cached) if version and version.champion == version_id(model) else None


def read_bots(
    spark: SparkSession, store: Store, current: Manifest | None, *, shards: Collection[int] | None = None
) -> DataFrame:
    """The bots of a version under BOT, or those of some shards; of none, no bots."""
    if current is None:
        return spark.createDataFrame([], BOT)
    url = shards_url(store, _KIND, current["version"])
    if shards is None:
        return spark.read.schema(BOT).parquet(url)
    files = [store.url(_KIND, current["version"], name) for name, _ in (current["files"][i] for i in shards) if name]
    if not files:
        return spark.createDataFrame([], BOT)
    return spark.read.schema(BOT).option("basePath", url).parquet(*files)


def list_shards(bots: DataFrame, config: BotsConfig) -> list[int]:
    """Those that rows with a `bot_id` belong to: `config.shards` at most."""
    told = bots.where(F.col("bot_id").isNotNull())
    return sorted(row["shard"] for row in told.select(shard_column(config.shards).alias("shard")).distinct().collect())


def publish_bots(
    store: Store,
    version: str,
    bots: DataFrame,
    *,
    before: Manifest | None,
    facts: Mapping[str, Any],
    shards: Collection[int] | None = None,
) -> Manifest:
    """Make a version of rows of BOT and put it in use; returns its manifest, with its `version`.

    `facts` are the manifest's: `champion`, whose encoder the heads read, `shards`, `made_at` and others. Where `shards`
    are given, `bots` are those of these alone, and the files of the others are those of `before`, which must have been
    trained with the same. Two runs must not have one version. Guarantee: a killed run leaves the version that was in
    use, and perhaps one that nobody uses. Raises MalgilError where another run published since `before` was the one
    in use; that stays.
    """

    def write(draft: str) -> dict[str, Any]:
        written = _write(bots, draft, facts["shards"])
        if before and shards is not None:
            written = _carry(store, before, draft, written, shards)
        return {**facts, **written, **_sum_up(written["by_shard"])}

    store.publish(_KIND, version, write)
    return use_version(store, _KIND, version, before=before, at=facts["made_at"], maker="train_bots")


def remove_old_versions(store: Store, *, before: datetime) -> list[str]:
    """Remove the versions that were made before and are not in use; returns them. What still reads one fails."""
    return sharded_versions.remove_old_versions(store, _KIND, before=before)


def _write(bots: DataFrame, draft: str, shards: int) -> dict[str, Any]:
    """Write a file a shard; returns its name and SHA-256 for each, and counts of what was written."""
    files = write_shards(bots, draft, shards=shards)
    return {"files": files, "by_shard": _count(bots.sparkSession.read.schema(BOT).parquet(f"{draft}/data"), shards)}


def _carry(
    store: Store, before: Manifest, draft: str, written: Mapping[str, Any], shards: Collection[int]
) -> dict[str, Any]:
    """What was written, and beside it the other shards' files as they were."""
    files, by_shard = list(written["files"]), list(written["by_shard"])
    for shard, (name, sha256) in enumerate(before["files"]):
        if shard not in shards and name:
            store.carry(store.url(_KIND, before["version"], name), posixpath.join(draft, name))
            files[shard], by_shard[shard] = (name, sha256), {**before["by_shard"][shard], "trained": 0}
    return {"files": files, "by_shard": by_shard}


def _count(bots: DataFrame, shards: int) -> list[dict[str, Any]]:
    """Of each shard; `right_by_itself` of the utterances `learned` by bots with a head."""
    has_head = F.col("weights").isNotNull()
    learned = F.size(F.filter("utterances", lambda one: one["is_learned"]))
    counts = bots.groupBy("shard").agg(
        F.count("*").alias("bots"),
        F.count_if(F.col("is_new") & has_head).alias("trained"),
        F.count_if(~has_head).alias("without_head"),
        F.sum(F.size("utterances")).alias("utterances"),
        F.sum(F.when(has_head, learned).otherwise(0)).alias("learned"),
        F.sum(F.when(has_head, F.col("accuracy") * learned).otherwise(0.0)).alias("right_by_itself"),
        F.sum("tested").alias("tested"),
        F.sum("right").alias("right"),
    )
    found = {row["shard"]: row.asDict() for row in counts.collect()}
    return [{name: found[shard][name] for name in _COUNTS} if shard in found else {} for shard in range(shards)]


def _sum_up(by_shard: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    total = {name: sum(counts.get(name) or 0 for counts in by_shard) for name in _COUNTS}
    return {
        **{name: total[name] for name in ("bots", "trained", "without_head", "utterances")},
        "accuracy": total["right_by_itself"] / total["learned"] if total["learned"] else None,
        "test_accuracy": total["right"] / total["tested"] if total["tested"] else None,
    }
