"""Raw logs as rows: every line or Parquet row of the input with the place that it came from."""

from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from pipelines.errors import MalgilError
from pipelines.io.filesystems import describe_fault
from pipelines.io.store import Listing, list_files

FORMATS = ("jsonl", "csv", "tsv", "parquet")


@dataclass(frozen=True)
class ColumnsConfig:
    """What the source calls the columns of a message; only text has to be there."""

    text: str = "text"
    message_id: str = "message_id"
    room_id: str = "room_id"
    bot_id: str = "bot_id"
    speaker: str = "speaker"  # customer, agent or system
    sent_at: str = "sent_at"  # ISO 8601, or a number: seconds or milliseconds since 1970
    intent: str = "intent"
    reply_to: str = "reply_to"
    split: str = "split"  # train, dev or validation, test
    reply: str = ""  # what was answered, where a row holds a question and its answer; empty: none does
    # the text with [slot : value] marks, or a list of {"slot", "start", "end"} in it; empty: nothing is marked
    slots: str = ""


@dataclass(frozen=True)
class InputConfig:
    """Where the raw messages are and how to read them."""

    path: str = ""  # a file, folder or glob, plain or .gz, local or hdfs://; empty: the generated messages
    format: str = "jsonl"  # jsonl, csv, tsv or parquet
    header: bool = True  # csv, tsv: the first line names the columns; without it they are _c0, _c1, …
    quote: str = '"'  # csv: the quote character; tsv has none
    max_line_bytes: int = 65_536  # a longer line goes to quarantine unread
    columns: ColumnsConfig = field(default_factory=ColumnsConfig)
    intents: dict[str, str] = field(default_factory=dict)  # raw label, or a pattern with *: intent; see base.yaml
    split_by_file: dict[str, str] = field(default_factory=dict)  # file name: split, where files are the splits


@dataclass(frozen=True)
class RawMessages:
    """The rows of an input: `value`, a line as it came, or `row`, a Parquet row; and where each came from."""

    rows: DataFrame
    names: tuple[str, ...]  # the source's column names; of JSON, none: they differ by line
    lines: DataFrame | None  # every line's place, blank ones and headers too; None: `position` counts in the file


def list_raw_files(config: InputConfig) -> Listing:
    """The input's files. Raises MalgilError where there are none, or where they cannot be listed."""
    try:
        listing = list_files(config.path)
    except (OSError, RuntimeError) as error:
        raise MalgilError(
            f"input.path: cannot list {config.path!r}: {describe_fault(error)}; see its rights"
        ) from error
    if not listing.urls:
        raise MalgilError(f"input.path: expected files, found none at {config.path!r}; check the path")
    return listing


def read_raw_messages(spark: SparkSession, config: InputConfig) -> RawMessages:
    """All rows of the input with `source_file`, `source_block` and `position`, blank lines and headers left out.

    Lines are not decoded: whatever bytes stand there arrive.
    """
    if config.format not in FORMATS:
        raise MalgilError(f"input.format: expected one of {', '.join(FORMATS)}, received {config.format!r}")
    urls = list(list_raw_files(config).urls)
    if config.format == "parquet":
        return _read_parquet(spark, urls)
    lines = spark.read.text(urls).select("value", *_place(F.monotonically_increasing_id()))
    rows = lines.where(F.trim("value") != "")
    if config.format == "jsonl":
        return RawMessages(rows, (), lines)
    return _without_header(rows, lines, config, first_file=urls[0])


def write_raw_lines(url: str, lines: DataFrame) -> dict[str, Any]:
    """Write the binary column `value` as lines of text, byte for byte, under `url`/data; returns a manifest."""
    lines.select(F.col("value").cast("string")).write.text(f"{url}/data", compression="gzip")
    return {}


def add_source_lines(rows: DataFrame, raw: RawMessages) -> DataFrame:
    """`source_line`, counted from 1 in each file, for `source_block` and `position`.

    Lines are counted by block in a pass of its own over the files, so that a large file is read in parallel.
    """
    if raw.lines is None:
        return rows.withColumn("source_line", F.col("position") + 1).drop("source_block", "position")
    place = ["source_file", "source_block"]
    blocks = raw.lines.groupBy(place).agg(F.min("position").alias("first"), F.count("*").alias("lines"))
    earlier = Window.partitionBy("source_file").orderBy("source_block").rowsBetween(Window.unboundedPreceding, -1)
    starts = blocks.withColumn("before", F.coalesce(F.sum("lines").over(earlier), F.lit(0))).drop("lines")
    numbered = rows.join(F.broadcast(starts), on=place, how="left")
    line = F.col("before") + F.col("position") - F.col("first") + 1
    return numbered.withColumn("source_line", line).drop("source_block", "position", "first", "before")


def delimiter(config: InputConfig) -> str:
    return "\t" if config.format == "tsv" else ","


def _place(position: Column) -> list[Column]:
    return [
        F.col("_metadata.file_path").alias("source_file"),
        F.col("_metadata.file_block_start").alias("source_block"),
        position.alias("position"),
    ]


def _read_parquet(spark: SparkSession, urls: list[str]) -> RawMessages:
    table = spark.read.parquet(*urls)
    rows = table.select(F.struct("*").alias("row"), *_place(F.col("_metadata.row_index")))
    return RawMessages(rows, tuple(table.columns), None)


def _without_header(rows: DataFrame, lines: DataFrame, config: InputConfig, *, first_file: str) -> RawMessages:
    """Rows that are not the first file's first line, which every file may repeat."""
    first = rows.sparkSession.read.text(first_file).head(1)
    header = first[0]["value"] if first else ""
    columns = header.lstrip("\ufeff").rstrip("\r").split(delimiter(config))
    if not config.header:
        return RawMessages(rows, tuple(f"_c{i}" for i in range(len(columns))), lines)
    names = tuple(name.strip().strip('"') for name in columns)
    return RawMessages(rows.where(F.col("value") != header), names, lines)
