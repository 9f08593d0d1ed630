"""A day of synthetic shop chat as a DataFrame of raw lines, made in parallel by Spark."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.errors import MalgilError
from udfs.shop_chat import (
    LINES_PER_BLOCK,
    ChatConfig,
    NoiseConfig,
    TaughtConfig,
    choose_labels,
    teach_bot,
    write_block,
)

RAW_LINE = T.StructType([T.StructField("value", T.BinaryType(), nullable=False)])


@dataclass(frozen=True)
class BotsConfig(TaughtConfig):
    """The bots of the generated chat, and those that were taught intents of their own beside it."""

    names: list[str] = field(default_factory=lambda: ["maru", "onda", "gyeol"])  # of the chat; one is one shop's bot
    taught: int = 0  # bots with intents of their own, for train_bots; the lines of `messages` are not about them


@dataclass(frozen=True)
class GeneratorConfig:
    """How much chat is made, of what kind. The same values and day give the same lines on any cluster."""

    messages: int = 20_000  # lines in all, agents' and system's and broken ones included
    intents: int = 60  # 2 to 450
    bots: BotsConfig = field(default_factory=BotsConfig)  # who is talked to, and what bots were taught
    seed: int = 20260501
    day: str | None = None  # YYYY-MM-DD, the day of the log; the job says which when empty
    partitions: int = 0  # Spark tasks; 0: as many as the session's default parallelism
    long_text_chars: int = 400_000  # length of the broken rows "long text"; 1.2 MB in UTF-8
    noise: NoiseConfig = field(default_factory=NoiseConfig)  # the rates of typos, duplicates, broken rows and so on


def generate_messages(spark: SparkSession, config: GeneratorConfig, day: date) -> DataFrame:
    """The day's raw lines: one binary column `value`, exactly `config.messages` rows, without line ends.

    Line n depends on the settings and the day only, not on the partitions. Raises ValueError for a number of
    intents that the catalogue lacks.
    """
    chat = _chat_of(config)
    choose_labels(config.intents)  # fails here rather than in the tasks
    blocks = -(-config.messages // LINES_PER_BLOCK)
    partitions = min(blocks, config.partitions or spark.sparkContext.defaultParallelism) or 1

    def write_blocks(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for block in batch.column(0).to_pylist():
                lines = write_block(block, chat, day)[: config.messages - block * LINES_PER_BLOCK]
                yield pa.RecordBatch.from_arrays([pa.array(lines, pa.binary())], names=["value"])

    numbers = spark.range(0, blocks, numPartitions=partitions).select(F.col("id").alias("block"))
    return numbers.mapInArrow(write_blocks, RAW_LINE)


def generate_bots(spark: SparkSession, config: GeneratorConfig, day: date) -> DataFrame:
    """The raw lines that teach `config.bots.taught` bots: one binary column `value`, without line ends.

    A bot's lines depend on the settings, its number and the day only. Raises ValueError as `generate_messages`, and
    MalgilError where a bot is to have more intents than there are.
    """
    chat, taught = _chat_of(config), config.bots
    if not taught.min_intents <= taught.max_intents <= len(choose_labels(config.intents)):
        found = f"{taught.min_intents} to {taught.max_intents} of {config.intents}"
        raise MalgilError(f"generator.bots: expected min_intents <= max_intents <= generator.intents, received {found}")

    def teach_bots(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                lines = teach_bot(number, chat, taught, day)
                yield pa.RecordBatch.from_arrays([pa.array(lines, pa.binary())], names=["value"])

    partitions = config.partitions or spark.sparkContext.defaultParallelism
    numbers = spark.range(0, taught.taught, numPartitions=min(taught.taught, partitions) or 1)
    return numbers.mapInArrow(teach_bots, RAW_LINE)


def _chat_of(config: GeneratorConfig) -> ChatConfig:
    return ChatConfig(
        seed=config.seed,
        intents=config.intents,
        bots=tuple(config.bots.names),
        long_text_chars=config.long_text_chars,
        noise=config.noise,
    )
