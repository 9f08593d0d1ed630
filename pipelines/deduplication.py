"""Exact and near duplicates within a room of a bot.

Duplicates are judged within a room, so that a customer's message is never dropped because another customer said
the same; rows without a room are one pool for each bot, so that a plain data set is rid of its repeated texts, and what
two bots were taught stays apart.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F


@dataclass(frozen=True)
class DeduplicationConfig:
    """When a message repeats another one of its speaker."""

    window_s: int = 60  # seconds from the one before; of rows without a time any repetition counts
    near: bool = True  # texts that differ only in blanks, punctuation and letter runs count as well


def duplicate_reason(messages: DataFrame, config: DeduplicationConfig) -> DataFrame:
    """`messages` with `duplicate`: "duplicate", "near_duplicate" or null; the first of its kind is kept.

    Takes a column `may_be_duplicate`: rows where it is false are neither marked nor make another one a duplicate.
    One shuffle by (room, bot, speaker, text key); each of the rows that cannot be duplicates is a group of its own, or
    all rows of a file in a wrong encoding would meet in one task.
    """
    alone = F.when(~F.col("may_be_duplicate"), F.col("position"))
    same_text = ["alone", "room_id", "bot_id", "speaker", "text_key"]
    order: list[Column | str] = [F.col("sent_at").asc_nulls_first(), "source_file", "source_block", "position"]
    before = Window.partitionBy(same_text).orderBy(order)
    exact_before = Window.partitionBy(*same_text, "text").orderBy(order)
    repeated = _repeats(before, config)
    near = F.when(repeated, "near_duplicate") if config.near else F.lit(None).cast("string")
    reason = F.when(_repeats(exact_before, config), "duplicate").otherwise(near)
    marked = messages.withColumn("alone", alone).withColumn("duplicate", F.when(F.col("may_be_duplicate"), reason))
    return marked.drop("alone")


def _repeats(before: WindowSpec, config: DeduplicationConfig) -> Column:
    is_first = F.lag(F.lit(False), 1, True).over(before)
    earlier = F.lag("sent_at").over(before)
    gap_s = F.col("sent_at").cast("double") - earlier.cast("double")
    return ~is_first & (gap_s.isNull() | (gap_s <= config.window_s))
