"""Snapshots of pairs in the store: for the dual encoder with the answers that may be suggested, for seq2seq without.

As those of `pipelines.io.snapshots`: immutable, content-addressed, read by the ranks through Petastorm.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from models.dual_encoder_config import REPLY
from pipelines.clusters import ClustersConfig
from pipelines.encoding import TextEncoder
from pipelines.io.response_sets import write_responses
from pipelines.io.snapshots import build_features, count_splits, read_snapshot, write_splits
from pipelines.io.store import Manifest, Store
from pipelines.pairs import (
    PairsConfig,
    add_pair_tokens,
    drop_repeated_pairs,
    encode_pairs,
    join_pair_tokens,
    pair_messages,
)
from pipelines.reply_measurement import HeldOutPairs
from pipelines.responses import ResponsesConfig, may_be_suggested, select_responses
from pipelines.training_set import TrainingSetConfig, assign_splits

KIND = "pairs"  # among the store's outputs
_STAGED = "tokens"  # folder of a draft: written once, read several times
_HELD_OUT_ROWS = 5_000


@dataclass(frozen=True)
class PairSnapshotConfig:
    """What a snapshot of pairs is made by."""

    pairs: PairsConfig
    training_set: TrainingSetConfig
    responses: ResponsesConfig
    clusters: ClustersConfig


@dataclass(frozen=True)
class WrittenPairsConfig:
    """What a snapshot of pairs is made by whose answers are learned to be written."""

    pairs: PairsConfig
    training_set: TrainingSetConfig  # its features are the units that questions are read and answers written in
    blocklist: Sequence[str]  # no answer with one of these inside


def publish_pairs(
    store: Store, output_id: str, messages: DataFrame, config: PairSnapshotConfig, *, has_validation: bool
) -> Manifest:
    """Make the output `pairs/<id>` of clean messages; returns its manifest.

    A question's text decides its split, so none stands in two. `has_validation`: whether the messages' own splits have
    a validation part.
    """
    pairs = assign_splits(pair_messages(messages, config.pairs), config.training_set, has_validation=has_validation)
    return store.publish(KIND, output_id, lambda draft: _write(store, draft, pairs, config))


def publish_written_pairs(
    store: Store, output_id: str, messages: DataFrame, config: WrittenPairsConfig, *, has_validation: bool
) -> Manifest:
    """Make the output `pairs/<id>` of those pairs whose answer may be suggested; returns its manifest.

    What a network must not say, it does not learn: no mask token, link or blocked word.
    """
    pairs = pair_messages(messages, config.pairs)
    vetted = pairs.where(may_be_suggested(F.col("reply"), config.blocklist))
    rows = assign_splits(vetted, config.training_set, has_validation=has_validation)
    return store.publish(KIND, output_id, lambda draft: _write_alone(store, draft, rows, config.training_set))


def read_held_out(spark: SparkSession, url: str, split: str) -> HeldOutPairs:
    """A split's pairs, a sample of 5,000 where there are more: the same one every time."""
    rows = read_snapshot(spark, url, split).orderBy(F.xxhash64("message_id"), "label").limit(_HELD_OUT_ROWS).collect()
    names = [name for name, kind in read_snapshot(spark, url, split).dtypes if kind == "array<int>"]
    ids = {name: np.array([row[name] for row in rows], np.int32) for name in names}
    return HeldOutPairs(
        asked=tuple(row["text"] for row in rows),
        answered=tuple(row["reply"] for row in rows),
        asked_inputs={name: values for name, values in ids.items() if not name.startswith(REPLY)},
        answered_inputs={name.removeprefix(REPLY): v for name, v in ids.items() if name.startswith(REPLY)},
    )


def _write(store: Store, draft: str, pairs: DataFrame, config: PairSnapshotConfig) -> dict[str, Any]:
    """`{train,validation,test}/*.parquet` as of any snapshot, `responses/*.parquet`, `encoder.json`."""
    tokenized = _stage_tokens(draft, pairs, config.training_set)
    facts = _write_pairs(store, draft, tokenized, config.training_set)
    spoken = next(iter(config.training_set.features))
    selected = select_responses(pairs, config.responses)
    responses = write_responses(store, draft, selected, tokenized, config.clusters, feature=spoken)
    store.remove(posixpath.join(draft, _STAGED))
    return {**facts, "responses": responses}


def _write_alone(store: Store, draft: str, pairs: DataFrame, config: TrainingSetConfig) -> dict[str, Any]:
    """As `_write`, without answers to choose from."""
    facts = _write_pairs(store, draft, _stage_tokens(draft, pairs, config), config)
    store.remove(posixpath.join(draft, _STAGED))
    return facts


def _stage_tokens(draft: str, pairs: DataFrame, config: TrainingSetConfig) -> DataFrame:
    staged = posixpath.join(draft, _STAGED)
    add_pair_tokens(drop_repeated_pairs(pairs), config).write.parquet(staged)
    return pairs.sparkSession.read.parquet(staged)


def _write_pairs(store: Store, draft: str, tokenized: DataFrame, config: TrainingSetConfig) -> dict[str, Any]:
    """The splits and `encoder.json`; what the manifest says of them."""
    counts = count_splits(tokenized, of="pairs", where="that agents answered (docs/replies.md)")
    encoder = TextEncoder(build_features(join_pair_tokens(tokenized, config), config), ())
    write_splits(draft, encode_pairs(tokenized, encoder.features), counts, config)
    store.write_text(posixpath.join(draft, "encoder.json"), encoder.to_json())
    features = {f.name: {"analyzer": f.analyzer, **asdict(f.spec)} for f in encoder.features}
    of_replies = {REPLY + name: feature for name, feature in features.items()}
    return {"rows": counts, "intents": [], "features": {**features, **of_replies}}
