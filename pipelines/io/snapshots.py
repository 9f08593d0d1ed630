"""Training snapshots in the store: immutable, content-addressed, read by the ranks through Petastorm."""

import math
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from models.vocabulary import Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.errors import MalgilError
from pipelines.fixed_vectors import add_words, publish_vectors
from pipelines.io.store import Manifest, Store
from pipelines.petastorm_files import write_row_group_index
from pipelines.schemas import SPLITS
from pipelines.training_set import (
    TrainingSetConfig,
    add_tokens,
    add_variants,
    assign_splits,
    count_tokens,
    drop_repeated_training_texts,
    encode_tokens,
    select_labelled,
    select_speakers,
)

MAX_INTENTS = 10_000  # as many names come to the driver


def publish_snapshot(
    store: Store,
    output_id: str,
    messages: DataFrame,
    config: TrainingSetConfig,
    *,
    has_validation: bool,
    correct: Callable[[DataFrame], DataFrame] | None = None,
) -> Manifest:
    """Make the output `snapshots/<id>` of clean messages; returns its manifest.

    `has_validation`: whether the messages' own splits have a validation part. `correct` brings feedback in, once each
    message has its split.
    """
    rows = assign_splits(select_speakers(messages, config), config, has_validation=has_validation)
    labelled = select_labelled(correct(rows) if correct else rows, config)
    return store.publish("snapshots", output_id, lambda draft: _write(store, draft, labelled, config))


def _write(store: Store, draft: str, rows: DataFrame, config: TrainingSetConfig) -> dict[str, Any]:
    """`{train,validation,test}/*.parquet` hold one row group a file, `_common_metadata` beside them how many each has,
    `encoder.json` the vocabularies and intents.
    Tokens are written once and read twice (vocabulary, ids): an analyzer costs more than a disk.
    """
    staged = posixpath.join(draft, "tokens")
    learned = add_variants(drop_repeated_training_texts(rows), config.augmentation)
    add_tokens(learned, config).write.parquet(staged)
    tokenized = rows.sparkSession.read.parquet(staged)
    counts = count_splits(tokenized, of="labelled messages", where="with an intent (input.columns.intent)")
    encoder = _build_encoder(tokenized, config)
    write_splits(draft, encode_tokens(tokenized, encoder), counts, config)
    write_encoder(store, encoder, draft)
    publish_vectors(rows.sparkSession, encoder, draft)
    store.remove(staged)
    return describe_snapshot(encoder, counts)


def read_snapshot(spark: SparkSession, url: str, split: str) -> DataFrame:
    """A split's rows: message_id, text, intent, label and the features' ids."""
    return spark.read.parquet(posixpath.join(url, split))


def write_encoder(store: Store, encoder: TextEncoder, draft: str) -> None:
    store.write_text(posixpath.join(draft, "encoder.json"), encoder.to_json())


def read_encoder(store: Store, url: str) -> TextEncoder:
    return TextEncoder.from_json(store.read_text(posixpath.join(url, "encoder.json")))


def count_labels(spark: SparkSession, url: str, classes: int) -> list[int]:
    """Training rows of each class; rows of none (label -1) are left out."""
    rows = read_snapshot(spark, url, "train").groupBy("label").count().collect()
    found = {row["label"]: int(row["count"]) for row in rows}
    return [found.get(label, 0) for label in range(classes)]


def count_splits(tokenized: DataFrame, *, of: str, where: str) -> dict[str, int]:
    """Rows by split. Raises MalgilError where train, validation or test has none: of what, and where to get more."""
    found = {row["split"]: row["count"] for row in tokenized.groupBy("split").count().collect()}
    counts = {split: int(found.get(split, 0)) for split in [*SPLITS, *(found.keys() - set(SPLITS))]}
    if empty := [split for split in SPLITS if not counts[split]]:
        raise MalgilError(
            f"the training set has no {' and no '.join(empty)} rows: expected {of} in every split, "
            f"received {counts}; give more messages {where}"
        )
    return counts


def _build_encoder(tokenized: DataFrame, config: TrainingSetConfig) -> TextEncoder:
    features = add_words(build_features(tokenized, config), config.vectors, setting="training_set.vectors")
    return TextEncoder(features, list_intents(tokenized))


def list_intents(labelled: DataFrame) -> tuple[str, ...]:
    """The training rows' intents, in order. Raises MalgilError where they are too many to be any."""
    train = labelled.where(F.col("split") == "train")
    intents = [row["intent"] for row in train.select("intent").distinct().limit(MAX_INTENTS + 1).collect()]
    if len(intents) > MAX_INTENTS:
        raise MalgilError(
            f"expected at most {MAX_INTENTS} intents, found more; is input.columns.intent the label's column?"
        )
    return tuple(sorted(intents))


def build_features(tokenized: DataFrame, config: TrainingSetConfig) -> tuple[Feature, ...]:
    """The features with their vocabularies, of the training rows' tokens."""
    features = []
    for name, feature in config.features.items():
        tokens = [row["token"] for row in count_tokens(tokenized, name, feature).collect()]
        features.append(Feature(name, feature.analyzer, feature.length, Vocabulary(tuple(tokens))))
    return tuple(features)


def write_splits(
    draft: str,
    encoded: DataFrame,
    counts: Mapping[str, int],
    config: TrainingSetConfig,
    *,
    key: Sequence[str] = ("message_id",),
) -> None:
    """Write each split of encoded rows into a folder of its own, in row groups for the ranks to share.

    The order of the rows follows from their `key`, which no two have in common.
    """
    for split, rows in counts.items():
        shards = max(config.min_shards, math.ceil(rows / config.rows_per_shard))
        part = encoded.where(F.col("split") == split).drop("split").repartition(shards, *key)
        ordered = part.sortWithinPartitions(F.xxhash64(*key), *key)
        ordered.write.parquet(posixpath.join(draft, split))
        write_row_group_index(posixpath.join(draft, split))


def describe_snapshot(encoder: TextEncoder, counts: Mapping[str, int]) -> dict[str, Any]:
    """What a snapshot's manifest says of its rows and of the encoder."""
    features = {f.name: {"analyzer": f.analyzer, **asdict(f.spec)} for f in encoder.features}
    return {"rows": dict(counts), "intents": list(encoder.intents), "features": features}
