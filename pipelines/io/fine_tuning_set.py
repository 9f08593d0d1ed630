"""The snapshot that a champion is fine-tuned on: corrections, a replay of what it was trained on, and held-out ones."""

import posixpath
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.encoding import FeatureConfig, TextEncoder
from pipelines.feedback import HELD_OUT, FeedbackConfig, is_held_out, sample_rows, without_texts
from pipelines.fixed_vectors import copy_vectors
from pipelines.io.feedback_store import FiledFeedback, read_corrections
from pipelines.io.snapshots import describe_snapshot, read_snapshot, write_encoder, write_splits
from pipelines.io.store import MANIFEST, Manifest, Store
from pipelines.training_set import TrainingSetConfig, add_tokens, encode_tokens

_LEFT = "left"  # the split of what was judged before
_VALIDATION_SHARE = 8  # one old validation row to so many replayed training rows


@dataclass(frozen=True)
class FineTuning:
    """What a fine-tuning starts from."""

    filed: FiledFeedback
    base: str  # the snapshot that the champion was trained on
    encoder: TextEncoder  # the champion's
    feedback: FeedbackConfig
    training_set: TrainingSetConfig


def publish_fine_tuning_set(spark: SparkSession, store: Store, output_id: str, tuning: FineTuning) -> Manifest:
    """Make the output `snapshots/<id>` with the splits train, validation and held_out; returns its manifest.

    Train holds the learned corrections, `repeats` times, and a sample of the base's training rows without these texts.
    Held out are new corrections by their texts' hash, and those whose text the base tests or validates with. An intent
    that the encoder lacks is left out and counted: only a new training learns it. `feedback` in the manifest has the
    counts of the corrections.
    """
    return store.publish("snapshots", output_id, lambda draft: _write(spark, store, draft, tuning))


def _write(spark: SparkSession, store: Store, draft: str, tuning: FineTuning) -> dict[str, Any]:
    staged = posixpath.join(draft, "staged")
    corrections = _assign_splits(read_corrections(spark, store, tuning.filed), spark, store, tuning)
    _encode(corrections, tuning).write.parquet(posixpath.join(staged, "corrections"))
    encoded = spark.read.parquet(posixpath.join(staged, "corrections"))
    _mix(encoded, store, tuning).write.parquet(posixpath.join(staged, "rows"))
    rows = spark.read.parquet(posixpath.join(staged, "rows"))
    found = {row["split"]: int(row["count"]) for row in rows.groupBy("split").count().collect()}
    counts = {split: found.get(split, 0) for split in ("train", "validation", HELD_OUT)}
    write_splits(draft, rows, counts, tuning.training_set)
    write_encoder(store, tuning.encoder, draft)
    copy_vectors(tuning.encoder, store.url("snapshots", tuning.base), draft)
    feedback = _count(encoded)
    store.remove(staged)
    return {**describe_snapshot(tuning.encoder, counts), "base": tuning.base, "feedback": feedback}


def _assign_splits(corrections: DataFrame, spark: SparkSession, store: Store, tuning: FineTuning) -> DataFrame:
    """Corrections with a split: train, HELD_OUT, or, of trusted ones that are held out, _LEFT."""
    url, ours = store.url("snapshots", tuning.base), F.broadcast(corrections.select("text").distinct())
    test, validation = (read_snapshot(spark, url, split).select("text") for split in ("test", "validation"))
    judging = test.union(validation).join(ours, on="text", how="left_semi").distinct()
    marked = corrections.join(F.broadcast(judging.withColumn("is_judging", F.lit(True))), on="text", how="left")
    is_kept = is_held_out(tuning.feedback) | F.col("is_judging").isNotNull()
    split = F.when(is_kept & F.col("is_new"), HELD_OUT).when(is_kept, _LEFT).otherwise("train")
    return marked.withColumn("split", split)


def _encode(corrections: DataFrame, tuning: FineTuning) -> DataFrame:
    """The columns of a snapshot, by the champion's encoder."""
    features = {f.name: FeatureConfig(analyzer=f.analyzer, length=f.length) for f in tuning.encoder.features}
    return encode_tokens(add_tokens(corrections, TrainingSetConfig(features=features)), tuning.encoder)


def _mix(encoded: DataFrame, store: Store, tuning: FineTuning) -> DataFrame:
    """The snapshot's rows with their split: corrections, and a sample of the base."""
    spark, config, url = encoded.sparkSession, tuning.feedback, store.url("snapshots", tuning.base)
    known = encoded.where((F.col("label") >= 0) & (F.col("split") != _LEFT))
    learned = known.where(F.col("split") == "train")
    again = learned.withColumn("again", F.explode(F.sequence(F.lit(2), F.lit(config.repeats)))).drop("again")
    mixed = known.unionByName(again) if config.repeats > 1 else known
    mixed = mixed.unionByName(learned.withColumn("split", F.lit("validation")))  # it picks the epoch: learned and kept
    wanted = {"train": config.replay_rows, "validation": config.replay_rows // _VALIDATION_SHARE}
    sizes = store.read_json(posixpath.join(url, MANIFEST))["rows"]
    for split, rows in wanted.items():
        old = sample_rows(read_snapshot(spark, url, split), wanted=rows, total=sizes[split])
        mixed = mixed.unionByName(without_texts(old, encoded).withColumn("split", F.lit(split)))
    return mixed


def _count(encoded: DataFrame) -> dict[str, int]:
    is_known, split = F.col("label") >= 0, F.col("split")
    counts = encoded.agg(
        F.count_if(is_known & (split == "train")).alias("learned"),
        F.count_if(is_known & (split == HELD_OUT)).alias(HELD_OUT),
        F.count_if(~is_known).alias("unknown_intent"),
    )
    return {name: int(value) for name, value in counts.collect()[0].asDict().items()}
