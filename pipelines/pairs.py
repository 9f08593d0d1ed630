"""Clean messages to pairs: what was asked, and what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from models.dual_encoder_config import REPLY
from pipelines.encoding import Feature
from pipelines.tokenization import tokens_column
from pipelines.training_set import TrainingSetConfig, ids_column, is_said_by

_LABELS = 2**31 - 1
_ASKED = ("message_id", "room_id", "text", "text_key", "sent_at", "split")


@dataclass(frozen=True)
class PairsConfig:
    """Which message of an agent answers which one of a customer."""

    askers: list[str] = field(default_factory=lambda: ["customer"])  # speakers whose messages are answered
    repliers: list[str] = field(default_factory=lambda: ["agent"])  # speakers whose messages are answers
    window_s: int = 600  # seconds between the two, where no reply_to says what was answered
    max_reply_chars: int = 120  # a longer answer is nothing to suggest, and not learned


def pair_messages(messages: DataFrame, config: PairsConfig) -> DataFrame:
    """One row an answer: `message_id, room_id, text, text_key, split` of what was asked, `reply, reply_key` of it.

    An answer names its question by `reply_to`; one that names none answers the message just before it in its room,
    if a customer said that, not longer ago than the window. So of several answers in a row the first one counts.
    """
    named = _pair_by_name(messages, config)
    pairs = named.unionByName(_pair_by_order(messages, config))
    return pairs.where(F.length("reply") <= config.max_reply_chars)


def drop_repeated_pairs(pairs: DataFrame) -> DataFrame:
    """One row a question, its answer and split (the smallest message_id)."""
    same = ["split", "text_key", "reply_key"]
    columns = [name for name in pairs.columns if name not in same]
    kept = pairs.groupBy(*same).agg(F.min_by(F.struct(*columns), F.struct("message_id", "reply")).alias("row"))
    return kept.select(*same, "row.*").select(*pairs.columns)


def add_pair_tokens(pairs: DataFrame, config: TrainingSetConfig) -> DataFrame:
    """`message_id, room_id, text, reply, reply_key, split`, and both's tokens by feature (the reply's: `reply_`)."""
    of_text = [tokens_column(F.col("text"), f.analyzer).alias(name) for name, f in config.features.items()]
    of_reply = [tokens_column(F.col("reply"), f.analyzer).alias(REPLY + name) for name, f in config.features.items()]
    return pairs.select("message_id", "room_id", "text", "reply", "reply_key", "split", *of_text, *of_reply)


def join_pair_tokens(tokenized: DataFrame, config: TrainingSetConfig) -> DataFrame:
    """`split` and the tokens of question and answer together by feature: what the shared vocabulary is made of."""
    return tokenized.select("split", *(F.concat(name, REPLY + name).alias(name) for name in config.features))


def encode_pairs(tokenized: DataFrame, features: Sequence[Feature]) -> DataFrame:
    """A snapshot's rows: `message_id, text, reply, label, split`, and ids of fixed length by feature, of both.

    `label` is a number of the answer: equal ones have the same.
    """
    ids = [
        ids_column(F.col(prefix + f.name), f.vocabulary, f.length).alias(prefix + f.name)
        for prefix in ("", REPLY)
        for f in features
    ]
    label = F.pmod(F.xxhash64("reply_key"), F.lit(_LABELS)).cast("int").alias("label")
    return tokenized.select("message_id", "text", "reply", label, "split", *ids)


def _pair_by_name(messages: DataFrame, config: PairsConfig) -> DataFrame:
    asked = messages.where(is_said_by(F.col("speaker"), config.askers)).select(*_ASKED)
    answers = messages.where(F.col("speaker").isin(config.repliers) & F.col("reply_to").isNotNull())
    answers = answers.select(
        F.col("reply_to").alias("message_id"), F.col("text").alias("reply"), F.col("text_key").alias("reply_key")
    )
    return asked.join(answers, on="message_id", how="inner").drop("sent_at")


def _pair_by_order(messages: DataFrame, config: PairsConfig) -> DataFrame:
    timed = messages.where(F.col("room_id").isNotNull() & F.col("sent_at").isNotNull())
    in_room = Window.partitionBy("room_id").orderBy("sent_at", "message_id")
    before = F.lag(F.struct("speaker", *_ASKED)).over(in_room)
    answers = timed.withColumn("before", before).where(_answers_before(config))
    asked = [F.col(f"before.{name}").alias(name) for name in _ASKED if name != "sent_at"]
    return answers.select(*asked, F.col("text").alias("reply"), F.col("text_key").alias("reply_key"))


def _answers_before(config: PairsConfig) -> Column:
    gap_s = F.col("sent_at").cast("double") - F.col("before.sent_at").cast("double")
    is_answer = F.col("speaker").isin(config.repliers) & F.col("reply_to").isNull()
    is_asked = F.col("before.speaker").isin(config.askers)
    return is_answer & is_asked & (gap_s <= config.window_s)
