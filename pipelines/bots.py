"""Bots with intents of their own: their utterances, a row a bot, and which of them need another head.

A head (`models.heads`) reads what the champion's encoder knows of a message and tells one bot's intents apart.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.io.sharded_versions import shard_column
from pipelines.training_set import TrainingSetConfig, select_labelled

_STRING = T.StringType()
_UTTERANCE = T.StructType(
    [
        T.StructField("message_id", _STRING),
        T.StructField("text", _STRING),  # clean, PII masked
        T.StructField("intent", _STRING),
        T.StructField("is_learned", T.BooleanType()),  # else the head is tested with it
    ]
)
BOT = T.StructType(
    [
        T.StructField("bot_id", _STRING),
        T.StructField("utterances", T.ArrayType(_UTTERANCE)),
        T.StructField("content", _STRING),  # a hash of the utterances and of what they are trained with
        T.StructField("intents", T.ArrayType(_STRING)),  # in the order of the weights; null: the bot has no head
        T.StructField("weights", T.BinaryType()),  # float16 (features + 1, intents), row by row
        T.StructField("scope_threshold", T.DoubleType()),
        T.StructField("accuracy", T.DoubleType()),  # each utterance by a head without it
        T.StructField("tested", T.IntegerType()),  # utterances that were held out
        T.StructField("right", T.IntegerType()),  # of these, how many it predicts
        T.StructField("is_new", T.BooleanType()),  # trained when its file was written; else carried over
        T.StructField("shard", T.IntegerType()),  # the file that it stands in
    ]
)


@dataclass(frozen=True)
class BotsConfig:
    """How each bot's head is trained, kept and found."""

    min_utterances: int = 10  # a bot that has fewer, or one intent only, is predicted by the champion
    max_utterances: int = 2_000  # a bot's, the first ones by message_id: a head takes seconds for as many
    in_scope_share: float = 0.95  # of a bot's utterances; a message that scores less than the rest is out of scope
    is_complete: bool = False  # whether the input has all bots: others are dropped; else they stay as they are
    shards: int = 64  # files that the heads lie in, by their bot's id
    keep_hours: float = 24.0  # that a version which is no longer in use stays for, as batches may still read it
    cached: int = 5_000  # heads that a Python worker keeps loaded


def collect_bots(messages: DataFrame, config: BotsConfig, training_set: TrainingSetConfig) -> DataFrame:
    """`bot_id, utterances` of clean messages (schemas.MESSAGE) that have an intent and a bot, a row a bot.

    Rows that their source marks as validation or test are not learned; without such a mark all are.
    """
    is_learned = ~F.coalesce(F.col("split").isin("validation", "test"), F.lit(False))
    utterance = F.struct("message_id", "text", "intent", is_learned.alias("is_learned"))
    labelled = select_labelled(messages, training_set).where(F.col("bot_id").isNotNull())
    ordered = F.slice(F.array_sort(F.collect_set(utterance)), 1, config.max_utterances)
    return labelled.groupBy("bot_id").agg(ordered.alias("utterances"))


def merge_bots(standing: DataFrame, told: DataFrame, config: BotsConfig, *, basis: str) -> DataFrame:
    """All bots under BOT: those that stand, with the utterances that they were `told` now (`collect_bots`).

    `is_new` marks those whose utterances, or whose `basis` (what heads are trained with), are others than before.
    """
    how = "right" if config.is_complete else "full"
    joined = standing.join(told.withColumnRenamed("utterances", "told"), on="bot_id", how=how)
    merged = joined.withColumn("utterances", F.coalesce("told", "utterances"))
    content = F.sha2(F.concat(F.lit(basis), F.to_json("utterances")), 256)
    marked = merged.withColumns({"is_new": ~content.eqNullSafe(F.col("content")), "content": content})
    return marked.withColumn("shard", shard_column(config.shards)).select(*BOT.fieldNames())
