"""Corrections as training rows: the newest of a message, what is learned of them, and what is kept to judge them."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.schemas import MESSAGE_COLUMNS
from pipelines.training_set import TrainingSetConfig, assign_splits

_STRING = T.StringType()
_BUCKETS = 10_000
UNKNOWN_MESSAGE = "unknown_message"
HELD_OUT = "held_out"  # the split of corrections that are never learned

FEEDBACK = T.StructType(
    [
        T.StructField("message_id", _STRING),
        T.StructField("room_id", _STRING),
        T.StructField("bot_id", _STRING),
        T.StructField("text", _STRING),  # clean and masked; null where the message was not found
        T.StructField("text_key", T.BinaryType()),  # as in schemas.MESSAGE
        T.StructField("intent", _STRING),  # the right one
        T.StructField("predicted", _STRING),  # the intent that was predicted
        T.StructField("corrected_at", T.TimestampType()),  # when Kafka had the correction
        T.StructField("partition", T.IntegerType()),  # its place in Kafka
        T.StructField("offset", T.LongType()),
        T.StructField("reason", _STRING),  # why it is a dead letter; null: a correction that can be learned
        T.StructField("sha256", _STRING),  # of the record's bytes
    ]
)


@dataclass(frozen=True)
class FeedbackConfig:
    """How corrections are collected, learned and judged."""

    checkpoint: str = ""  # URL of collect_feedback's checkpoint; empty: live/feedback-checkpoint in the store
    trigger_s: float = 2.0  # seconds between the starts of micro-batches
    wait_s: float = 10.0  # that a correction may come before its message's prediction; then it is a dead letter
    days: int = 30  # how many days of corrections are learned
    until: str = ""  # YYYY-MM-DD: nightly training leaves out what was filed on this day or later; empty: today
    min_corrections: int = 100  # new ones below which nothing is learned: fewer cannot be judged
    held_out_share: float = 0.3  # of the corrections' texts, by hash: never learned, they judge the others
    replay_rows: int = 8_192  # old training rows that are learned beside the corrections, about
    repeats: int = 8  # how often a correction stands beside them
    epochs: int = 5  # passes over both
    learning_rate: float = 0.0005  # at the end of the warm-up, for one rank
    min_consistency: float = 0.75  # share of held-out corrections that must be predicted right, with 95 % confidence
    max_accuracy_drop: float = 0.005  # how far the accuracy on the old test split may fall


def latest_corrections(corrections: DataFrame, *, of: str = "message_id") -> DataFrame:
    """Of each message (or text, `of="text_key"`) the correction that came last, by Kafka's time and its place there.

    A correction that stands twice, as after a crash, is one.
    """
    order = F.struct("corrected_at", "partition", "offset")
    latest = corrections.groupBy(of).agg(F.max_by(F.struct(*corrections.columns), order).alias("latest"))
    return latest.select("latest.*")


def is_held_out(config: FeedbackConfig) -> Column:
    """Whether a correction's text is kept to judge the others: by its key's hash, so that equal texts go together."""
    share = F.pmod(F.xxhash64("text_key", F.lit("feedback")), F.lit(_BUCKETS)) / _BUCKETS
    return share < config.held_out_share


def sample_rows(rows: DataFrame, *, wanted: int, total: int) -> DataFrame:
    """About `wanted` of the `total` rows, the same ones each time, by the hash of their message_id."""
    share = min(1.0, wanted / max(total, 1))
    return rows.where(F.pmod(F.xxhash64("message_id", F.lit("replay")), F.lit(_BUCKETS)) < share * _BUCKETS)


def without_texts(rows: DataFrame, texts: DataFrame) -> DataFrame:
    """The rows whose clean `text` is none of `texts`, which are few: they are brought to each task."""
    return rows.join(F.broadcast(texts.select("text").distinct()), on="text", how="left_anti")


def add_corrections(
    rows: DataFrame, corrections: DataFrame, config: FeedbackConfig, training_set: TrainingSetConfig
) -> DataFrame:
    """Clean messages that have a split (`rows`), with what the corrections say (FEEDBACK and `is_new`, one a message).

    Training rows get the newest intent that their text was corrected to, and corrected texts that `rows` lacks become
    training rows, unless their hash stands for another split. Rows of other splits stay as they are. New corrections
    that are held out come with the split HELD_OUT. The corrections are few: they are brought to each task.
    """
    held_out = corrections.where(is_held_out(config) & F.col("is_new")).withColumn("split", F.lit(HELD_OUT))
    learned = latest_corrections(corrections.where(~is_held_out(config)), of="text_key")
    labels = F.broadcast(learned.select("text_key", F.col("intent").alias("corrected")))
    found = F.broadcast(rows.join(labels, on="text_key", how="left_semi").select("text_key").distinct())
    missing = learned.join(found, on="text_key", how="left_anti").withColumn("split", F.lit(None).cast("string"))
    missing = assign_splits(missing, training_set, has_validation=False).where(F.col("split") == "train")
    intent = F.when(F.col("split") == "train", F.coalesce("corrected", "intent")).otherwise(F.col("intent"))
    corrected = rows.join(labels, on="text_key", how="left").withColumn("intent", intent).select(*rows.columns)
    return corrected.unionByName(_as_messages(missing)).unionByName(_as_messages(held_out))


def _as_messages(corrections: DataFrame) -> DataFrame:
    absent = {name: F.lit(None) for name in MESSAGE_COLUMNS if name not in corrections.columns}
    return corrections.withColumns(absent).select(*MESSAGE_COLUMNS)
