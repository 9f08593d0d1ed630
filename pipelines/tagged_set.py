"""Clean messages with marked slots to a training set: units, a tag for each, and copies with other values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from models.tagger_config import TAGS
from pipelines.encoding import FeatureConfig, TextEncoder
from pipelines.fixed_vectors import VectorsConfig
from pipelines.schemas import SPANS
from pipelines.training_set import TrainingSetConfig, ids_column
from udfs.annotations import Span
from udfs.columns import lift
from udfs.tagging_units import ASPECTS, list_aspects, read_units, tag_units

_COLUMNS = (*ASPECTS, TAGS)
_UNITS = T.StructType([T.StructField(name, T.StringType()) for name in _COLUMNS])
_VALUED = T.StructType([T.StructField("text", T.StringType()), T.StructField("spans", SPANS)])


@dataclass(frozen=True)
class TaggedSetConfig:
    """How messages with marked slots become a snapshot."""

    length: int = 48  # units (morphemes) of a message that are learned; longer ones are cut
    max_vocabulary: int = 30_000  # the most frequent ones of each aspect of units
    min_count: int = 2  # an aspect seen less often in the training split is unknown
    copies: int = 0  # of each training message with slots, whose values are those of others
    max_values: int = 5_000  # different ones of a slot that copies take
    vectors: dict[str, VectorsConfig] = field(default_factory=dict)  # fixed vectors of aspects, as training_set.vectors

    def features(self) -> dict[str, FeatureConfig]:
        """The snapshot's features: aspects of units, and their tags."""
        aspects = FeatureConfig("mecab_ko", self.length, self.max_vocabulary, self.min_count)
        return {**dict.fromkeys(ASPECTS, aspects), TAGS: FeatureConfig("mecab_ko", self.length, min_count=1)}


def select_marked(messages: DataFrame) -> DataFrame:
    """The messages whose slots somebody marked, be it that there are none."""
    return messages.where(F.col("spans").isNotNull())


def add_copies(rows: DataFrame, config: TaggedSetConfig) -> DataFrame:
    """The rows, and beside each training row with slots its copies, each value another one of the same slot.

    A copy's message_id tells which it is. The same rows give the same copies.
    """
    training = rows.where((F.col("split") == "train") & (F.size("spans") > 0))
    values = _list_values(training, config)
    for number in range(1, config.copies + 1):
        rows = rows.unionByName(_copy(training, values, number))
    return rows


def add_units(rows: DataFrame) -> DataFrame:
    """The rows with their units' aspects and tags as arrays; `tags` is null where a span cuts a unit in two."""
    both = F.to_json(F.struct("text", "spans"))
    units = rows.withColumn("units", lift(_describe_units, _UNITS)(both))
    arrays = {name: F.array_remove(F.split(F.col(f"units.{name}"), " "), "") for name in _COLUMNS}
    return units.withColumns(arrays).drop("units")


def encode_units(tagged: DataFrame, encoder: TextEncoder, intents: Mapping[str, int]) -> DataFrame:
    """A snapshot's rows: `message_id, text, spans, label, split`, and ids of fixed length by aspect and of the tags.

    `label` is the intent's, -1 for none or for one that training has not seen.
    """
    pairs = [F.lit(part) for pair in intents.items() for part in pair]
    known = F.try_element_at(F.create_map(*pairs), F.col("intent")) if pairs else F.lit(None).cast("int")
    ids = [ids_column(_without_null(f.name), f.vocabulary, f.length).alias(f.name) for f in encoder.features]
    label = F.coalesce(known, F.lit(-1)).cast("int").alias("label")
    return tagged.select("message_id", "text", "spans", label, "split", *ids)


def use_tagged_features(training_set: TrainingSetConfig, config: TaggedSetConfig) -> TrainingSetConfig:
    """The training set's settings for a snapshot of tagged messages."""
    return replace(training_set, features=config.features())


def _without_null(name: str) -> Column:
    return F.coalesce(F.col(name), F.array().cast("array<string>"))


def _list_values(training: DataFrame, config: TaggedSetConfig) -> DataFrame:
    """The values of each slot, numbered from 0, `values` of them: `slot, number, value, values`."""
    marked = training.select("text", F.explode("spans").alias("span"))
    value = F.substr("text", F.col("span.start") + 1, F.col("span.end") - F.col("span.start"))
    different = marked.select(F.col("span.slot").alias("slot"), value.alias("value")).distinct()
    in_slot = Window.partitionBy("slot").orderBy(F.xxhash64("value"), "value")
    numbered = different.withColumn("number", F.row_number().over(in_slot) - 1)
    kept = numbered.where(F.col("number") < config.max_values)
    return kept.withColumn("values", F.count("*").over(Window.partitionBy("slot")))


def _copy(training: DataFrame, values: DataFrame, number: int) -> DataFrame:
    """A copy of each row, its spans' values drawn by the hash of its id."""
    placed = training.select("*", F.posexplode("spans").alias("place", "span"))
    counts = values.select("slot", "values").distinct()
    drawn = placed.join(F.broadcast(counts), placed["span.slot"] == counts["slot"], how="inner").drop("slot")
    pick = F.pmod(F.xxhash64("message_id", F.lit(number), "place"), F.col("values")).cast("int")
    drawn = drawn.withColumn("number", pick).drop("values")
    same = (drawn["span.slot"] == values["slot"]) & (drawn["number"] == values["number"])
    valued = drawn.join(values, same, how="inner").select(
        *training.columns, F.struct("place", "span", "value").alias("one")
    )
    grouped = valued.groupBy("message_id").agg(
        *(F.first(name).alias(name) for name in training.columns if name not in ("message_id", "spans")),
        F.array_sort(F.collect_list("one")).alias("parts"),
    )
    copied = grouped.withColumn("copied", lift(_put_values, _VALUED)(F.to_json(F.struct("text", "parts"))))
    named = F.concat("message_id", F.lit(f"~{number}")).alias("message_id")
    new = {"message_id": named, "text": F.col("copied.text"), "spans": F.col("copied.spans")}
    return copied.select(*(new[name].alias(name) if name in new else F.col(name) for name in training.columns))


def _put_values(row: str) -> tuple[str, list[Span]]:
    """A text with other values in the place of its spans', and the spans that they stand in."""
    value = json.loads(row)
    text, done, spans = "", 0, []
    for part in value["parts"]:
        span = part["span"]
        text += value["text"][done : span["start"]]
        spans.append(Span(span["slot"], len(text), len(text) + len(part["value"])))
        text, done = text + part["value"], span["end"]
    return text + value["text"][done:], spans


def _describe_units(row: str) -> tuple[str | None, ...]:
    """The aspects of a text's units, and their tags, each joined by blanks: a list would cost the worker more."""
    value = json.loads(row)
    units = read_units(value["text"])
    tags = tag_units(units, [Span(**span) for span in value["spans"]])
    aspects = list_aspects(value["text"], units)
    return (*(" ".join(aspects[name]) for name in ASPECTS), None if tags is None else " ".join(tags))
