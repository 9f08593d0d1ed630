"""Snapshots of tagged messages in the store: units and a tag for each, for the network that finds slots.

As those of `pipelines.io.snapshots`: immutable, content-addressed, read by the ranks through Petastorm.
"""

import posixpath
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from models.tagger_config import TAGS
from pipelines.encoding import TextEncoder
from pipelines.fixed_vectors import add_words, publish_vectors
from pipelines.io.snapshots import (
    build_features,
    count_splits,
    describe_snapshot,
    list_intents,
    read_snapshot,
    write_splits,
)
from pipelines.io.store import Manifest, Store
from pipelines.tagged_set import (
    TaggedSetConfig,
    add_copies,
    add_units,
    encode_units,
    select_marked,
    use_tagged_features,
)
from pipelines.tagging_measurement import HeldOutTexts
from pipelines.training_set import (
    TrainingSetConfig,
    assign_splits,
    drop_repeated_training_texts,
    select_speakers,
)
from udfs.annotations import Span

KIND = "tagged"  # among the store's outputs
_HELD_OUT_ROWS = 5_000


def publish_tagged(
    store: Store,
    output_id: str,
    messages: DataFrame,
    training_set: TrainingSetConfig,
    config: TaggedSetConfig,
    *,
    has_validation: bool,
) -> Manifest:
    """Make the output `tagged/<id>` of clean messages with marked slots; returns its manifest.

    `has_validation`: whether the messages' own splits have a validation part. A training row with a slot that cuts a
    unit in two is left out, and counted as `cut`; of validation and test all rows stay.
    """
    marked = select_marked(
        assign_splits(select_speakers(messages, training_set), training_set, has_validation=has_validation)
    )
    return store.publish(KIND, output_id, lambda draft: _write(store, draft, marked, training_set, config))


def read_held_out(spark: SparkSession, url: str, split: str) -> HeldOutTexts:
    """A split's texts and slots, a sample of 5,000 where there are more: the same one every time."""
    rows = read_snapshot(spark, url, split).orderBy(F.xxhash64("message_id"), "text").limit(_HELD_OUT_ROWS).collect()
    spans = [tuple(Span(*span) for span in row["spans"]) for row in rows]
    return HeldOutTexts(tuple(row["text"] for row in rows), tuple(spans))


def _write(
    store: Store, draft: str, rows: DataFrame, training_set: TrainingSetConfig, config: TaggedSetConfig
) -> dict[str, Any]:
    """The splits and `encoder.json`, whose intents are the tags; what the manifest says of them.

    Units are found once and read several times: an analyzer costs more than a disk.
    """
    staged = posixpath.join(draft, "units")
    add_units(add_copies(drop_repeated_training_texts(rows), config)).write.parquet(staged)
    found = rows.sparkSession.read.parquet(staged)
    is_cut = F.col(TAGS).isNull() & (F.col("split") == "train")
    tagged = found.where(~is_cut)
    counts = count_splits(tagged, of="messages with marked slots", where="with slots (input.columns.slots)")
    learned = build_features(tagged, use_tagged_features(training_set, config))
    features = add_words(learned, config.vectors, setting="slot_filling.tagged.vectors")
    intents = list_intents(tagged.where(F.col("intent").isNotNull()))
    encoder = TextEncoder(features, intents)
    write_splits(
        draft, encode_units(tagged, encoder, {name: i for i, name in enumerate(intents)}), counts, training_set
    )
    tags = next(feature.vocabulary.tokens for feature in features if feature.name == TAGS)
    read = TextEncoder(tuple(feature for feature in features if feature.name != TAGS), tags)
    store.write_text(posixpath.join(draft, "encoder.json"), read.to_json())
    publish_vectors(rows.sparkSession, read, draft)
    cut = found.where(is_cut).count()
    store.remove(staged)
    return {**describe_snapshot(encoder, counts), "cut": cut}
