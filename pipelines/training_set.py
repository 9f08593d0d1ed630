"""Clean messages to a training set: labelled rows, their splits, tokens, vocabularies and ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from models.vocabulary import Vocabulary
from pipelines.encoding import FeatureConfig, TextEncoder
from pipelines.fixed_vectors import VectorsConfig
from pipelines.tokenization import tokens_column
from udfs.augmentation import AugmentationConfig, vary_copy
from udfs.columns import lift, lift_batch

_BUCKETS = 10_000
_ID_COLUMNS = ("message_id", "text", "intent", "label", "split")


def _default_features() -> dict[str, FeatureConfig]:
    return {
        "morphemes": FeatureConfig(),
        "character_ngrams": FeatureConfig(analyzer="character_ngrams", length=96),
    }


@dataclass(frozen=True)
class TrainingSetConfig:
    """How labelled messages become a snapshot."""

    features: dict[str, FeatureConfig] = field(default_factory=_default_features)  # the network's inputs by name
    vectors: dict[str, VectorsConfig] = field(default_factory=dict)  # fixed vectors by feature (docs/models.md)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    validation_share: float = 0.1  # of the texts, by hash, where the source has no validation split of its own
    test_share: float = 0.1  # likewise
    speakers: list[str] = field(default_factory=lambda: ["customer"])  # whose messages are learned and predicted
    rows_per_shard: int = 65_536  # rows a Parquet row group, the unit that a rank reads
    min_shards: int = 16  # row groups a split at least, so that as many ranks get work


def select_speakers(messages: DataFrame, config: TrainingSetConfig) -> DataFrame:
    """The messages whose intent is learned and predicted: those of the speakers, and of nobody in particular."""
    return messages.where(is_said_by(F.col("speaker"), config.speakers))


def is_said_by(speaker: Column, speakers: Sequence[str]) -> Column:
    return speaker.isNull() | speaker.isin(list(speakers))


def select_labelled(messages: DataFrame, config: TrainingSetConfig) -> DataFrame:
    """Of the speakers' messages those that have an intent."""
    return select_speakers(messages, config).where(F.col("intent").isNotNull())


def assign_splits(messages: DataFrame, config: TrainingSetConfig, *, has_validation: bool) -> DataFrame:
    """Every row with a split: its source's own, or one by the hash of its text key.

    Equal texts have equal keys, so a text never stands in two splits that malgil made. `has_validation` says
    whether the source marks validation rows; where it does not, they come out of its training rows.
    """
    share = F.pmod(F.xxhash64("text_key"), F.lit(_BUCKETS)) / _BUCKETS
    held_out = config.test_share + config.validation_share
    by_hash = F.when(share < config.test_share, "test").when(share < held_out, "validation").otherwise("train")
    is_carved = (F.col("split") == "train") & (share >= config.test_share) & (share < held_out)
    own = F.col("split") if has_validation else F.when(is_carved, "validation").otherwise(F.col("split"))
    return messages.withColumn("split", F.coalesce(own, by_hash))


def drop_repeated_training_texts(rows: DataFrame) -> DataFrame:
    """One training row a text and intent (the smallest message_id); validation and test rows all stay."""
    columns = [name for name in rows.columns if name not in ("split", "text_key", "intent")]
    kept = F.min_by(F.struct(*columns), "message_id").alias("row")
    training = rows.where(F.col("split") == "train").groupBy("split", "text_key", "intent").agg(kept)
    training = training.select("split", "text_key", "intent", "row.*").select(*rows.columns)
    return training.unionByName(rows.where(F.col("split") != "train"))


def add_variants(rows: DataFrame, config: AugmentationConfig) -> DataFrame:
    """The rows, and beside each training row its varied copies; a copy's message_id tells which it is."""
    training = rows.where(F.col("split") == "train")
    for number in range(1, config.copies + 1):
        vary = lift(partial(vary_copy, number=number, config=config), T.StringType())
        named = F.concat("message_id", F.lit(f"~{number}"))
        rows = rows.unionByName(training.withColumns({"message_id": named, "text": vary(F.col("text"))}))
    return rows


def add_tokens(rows: DataFrame, config: TrainingSetConfig) -> DataFrame:
    """`message_id, text, intent, split` and an array of tokens a feature, named as the feature."""
    tokens = [tokens_column(F.col("text"), f.analyzer).alias(name) for name, f in config.features.items()]
    return rows.select("message_id", "text", "intent", "split", *tokens)


def count_tokens(tokenized: DataFrame, name: str, config: FeatureConfig) -> DataFrame:
    """The vocabulary of a feature as rows (`token`, `count`), the most frequent first, ties by token."""
    tokens = tokenized.where(F.col("split") == "train").select(F.explode(name).alias("token"))
    frequent = tokens.groupBy("token").count().where(F.col("count") >= config.min_count)
    return frequent.orderBy(F.desc("count"), "token").limit(config.max_vocabulary)


def encode_tokens(tokenized: DataFrame, encoder: TextEncoder) -> DataFrame:
    """The rows of a snapshot: `message_id, text, intent, label, split`, and fixed-length ids a feature."""
    features = [ids_column(F.col(f.name), f.vocabulary, f.length).alias(f.name) for f in encoder.features]
    intent_ids = {intent: str(i) for i, intent in enumerate(encoder.intents)}
    return tokenized.withColumn("label", _label(F.col("intent"), intent_ids)).select(*_ID_COLUMNS, *features)


def _label(intent: Column, ids: Mapping[str, str]) -> Column:
    """The intent's place in the encoder's list; -1 for one that training has not seen."""
    pairs = [F.lit(value) for pair in ids.items() for value in pair]
    found = F.try_element_at(F.create_map(*pairs), intent).cast("int")
    return F.coalesce(found, F.lit(-1))


def ids_column(tokens: Column, vocabulary: Vocabulary, length: int) -> Column:
    """Ids of `length` a row, as the network's input of this vocabulary."""
    encode = lift_batch(partial(vocabulary.encode, length=length), T.ArrayType(T.IntegerType(), containsNull=False))
    return encode(tokens)
