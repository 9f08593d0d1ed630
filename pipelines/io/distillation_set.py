"""The snapshot that a student learns from: a training set whose training rows carry a teacher's targets."""

import posixpath
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.distillation import DistillationConfig, add_targets
from pipelines.fixed_vectors import copy_vectors
from pipelines.io.model_files import ModelFiles
from pipelines.io.snapshots import describe_snapshot, read_encoder, read_snapshot, write_encoder, write_splits
from pipelines.io.store import MANIFEST, Manifest, Store
from pipelines.training_set import TrainingSetConfig


def publish_distillation_set(
    spark: SparkSession,
    store: Store,
    output_id: str,
    *,
    base: str,
    teacher: ModelFiles,
    config: DistillationConfig,
    training_set: TrainingSetConfig,
) -> Manifest:
    """Make the output `snapshots/<id>` of `snapshots/<base>`: its train split with targets, its validation split."""

    def write(draft: str) -> dict[str, Any]:
        url = store.url("snapshots", base)
        encoder, rows = read_encoder(store, url), store.read_json(posixpath.join(url, MANIFEST))["rows"]
        counts = {split: rows[split] for split in ("train", "validation")}
        for split, count in counts.items():
            part = read_snapshot(spark, url, split)
            learned = add_targets(part, teacher, encoder.intents, config) if split == "train" else part
            write_splits(draft, learned.withColumn("split", F.lit(split)), {split: count}, training_set)
        write_encoder(store, encoder, draft)
        copy_vectors(encoder, url, draft)
        named = {"teacher": f"{teacher.name}/{teacher.version}", "base": base}
        return {**describe_snapshot(encoder, counts), **named}

    return store.publish("snapshots", output_id, write)
