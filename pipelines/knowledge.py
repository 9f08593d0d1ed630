"""Knowledge bases: from questions with their answers, and pages, to passages that answer messages; and settings.

A bot's messages are answered from its own passages; those of a bot that has none, from the passages that name no bot.
"""

from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from udfs.answers import clean_answer
from udfs.columns import lift
from udfs.pages import Passage, split_html, split_markdown
from udfs.screening import clean_text

RULES_VERSION = 1  # raise it when the same input becomes other passages
EVERYONE = ""  # the bot of passages that name none

_STRING = T.StringType()
_EXAMPLE_CHARS = 80
PASSAGE = T.StructType(
    [
        T.StructField("bot_id", _STRING),  # EVERYONE: of all that have no passages of their own
        T.StructField("searched", _STRING),  # what it is found by: clean, PII masked
        T.StructField("example", _STRING),  # what somebody may ask that it answers: likewise
        T.StructField("text", _STRING),  # the answer: PII masked
        T.StructField("source", _STRING),
    ]
)
OUTCOME = T.StructType(
    [
        *PASSAGE.fields,
        T.StructField("reason", _STRING),  # why it is no passage; null: it is one
        T.StructField("file", _STRING),  # that it came from
    ]
)
_PARTS = T.ArrayType(
    T.StructType(
        [T.StructField(name, _STRING) for name in ("searched", "example", "text", "heading")],
    )
)


class VectorSource(Enum):
    """Whose sentence vectors passages are compared by, where that model has a champion."""

    reply = "reply"  # the reply model's question tower
    intent = "intent"
    none = "none"  # words alone


@dataclass(frozen=True)
class KnowledgeColumnsConfig:
    """What the source calls the columns of a question and its answer."""

    question: str = "question"
    answer: str = "answer"
    bot_id: str = "bot_id"
    source: str = "source"  # where the answer is from, such as a page's address; it is shown with the answer


@dataclass(frozen=True)
class KnowledgeConfig:
    """What bots know, how it is searched, and what is an answer."""

    path: str = ""  # a file, folder or glob, local or hdfs://
    format: str = "jsonl"  # jsonl, csv, tsv or parquet: a question and its answer a row; markdown or html: pages
    encoding: str = "UTF-8"  # of csv, tsv, jsonl and pages; CP949 for what a Korean Excel wrote
    bot_id: str = (
        ""  # whose the passages are; empty: the row's column, or the folder in knowledge.path that a page is in
    )
    columns: KnowledgeColumnsConfig = field(default_factory=KnowledgeColumnsConfig)
    own: list[str] = field(default_factory=list)  # the company's own numbers and addresses: answers keep them unmasked
    max_question_chars: int = 300  # a longer question is rejected
    max_answer_chars: int = 2_000  # a longer answer is rejected
    passage_chars: int = 400  # of a page, at most: a longer part is cut
    max_page_bytes: int = 5_000_000  # a larger page is rejected unread
    is_complete: bool = False  # whether the input has all bots: others are dropped; else they stay as they are
    vectors: VectorSource = VectorSource.reply  # reply, intent or none: the champion whose vectors are searched
    vector_weight: float = 0.2  # of their cosine in a passage's score; its words have the rest
    analyzers: list[str] = field(default_factory=lambda: ["character_ngrams", "jamo_ngrams"])  # what words are
    max_token_passages: int = 5_000  # of a bot; a token that more of them have weighs nothing, and costs nothing
    max_wrong_share: float = 0.1  # of a bot's questions that are answered although their passage is left out
    min_score: float = 0.4  # below which nothing is an answer, whatever that share says
    samples: int = 500  # of a bot's questions, from which its threshold comes
    shards: int = 16  # files that the list of bots lies in, by their id
    keep_hours: float = 24.0  # that a version which is no longer in use stays for, as batches may still read it
    count: int = 3  # answers a message, at most
    cached_mib: int = 512  # of passages and indexes that a Python worker keeps loaded


def make_row_passages(rows: DataFrame, config: KnowledgeConfig) -> DataFrame:
    """Rows of OUTCOME of `question, answer, bot_id, source, problem, file`."""
    question, answer = F.trim("question"), F.trim("answer")
    reason = F.coalesce(
        "problem",
        F.when(question.isNull() | (question == ""), "missing_question"),
        F.when(answer.isNull() | (answer == ""), "missing_answer"),
        F.when(F.length(question) > config.max_question_chars, "question_too_long"),
        F.when(F.length(answer) > config.max_answer_chars, "answer_too_long"),
    )
    judged = rows.withColumn("reason", reason)
    is_read = F.col("reason").isNull()
    clean, show = lift(clean_text, _STRING), lift(partial(clean_answer, own=tuple(config.own)), _STRING)
    asked = clean(F.when(is_read, question))
    passages = judged.select(
        _first_filled(F.col("bot_id"), config.bot_id), asked.alias("searched"), asked.alias("example"),
        show(F.when(is_read, answer)).alias("text"), _filled(F.col("source")).alias("source"), "reason", "file",
    )  # fmt: skip
    return _reject_repeated(passages)


def make_page_passages(pages: DataFrame, config: KnowledgeConfig) -> DataFrame:
    """Rows of OUTCOME of pages' `path` (below knowledge.path), `content` (null: too large) and `file`."""
    split = lift(partial(split_page, config=config), _PARTS)
    folder = F.when(F.contains("path", F.lit("/")), F.split_part("path", F.lit("/"), F.lit(1)))
    parts = pages.select(
        (F.lit(config.bot_id) if config.bot_id else F.coalesce(folder, F.lit(EVERYONE))).alias("bot_id"),
        "path", "file", F.col("content").isNull().alias("is_too_large"), split("content").alias("parts"),
    )  # fmt: skip
    reason = (
        F.when(F.col("is_too_large"), "page_too_large")
        .when(F.col("parts").isNull(), "unreadable_page")
        .when(F.size("parts") == 0, "empty_page")
    )
    exploded = parts.withColumn("reason", reason).withColumn("part", F.explode_outer("parts"))
    source = F.when(F.col("part.heading") == "", F.col("path")).otherwise(F.concat_ws("#", "path", "part.heading"))
    passages = exploded.select("bot_id", "part.searched", "part.example", "part.text", source, "reason", "file")
    return _reject_repeated(passages.toDF(*OUTCOME.fieldNames()))


def split_page(content: bytes, config: KnowledgeConfig) -> list[dict[str, str]] | None:
    """A page's passages, under PASSAGE's names; None where its bytes are no text in the encoding that is set."""
    try:
        page = content.decode(config.encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None
    split = split_markdown if config.format == "markdown" else split_html
    clean = partial(clean_answer, own=tuple(config.own))
    return [_describe_part(part) for part in split(page, clean=clean, max_chars=config.passage_chars)]


def merge_passages(standing: DataFrame, told: DataFrame, config: KnowledgeConfig) -> DataFrame:
    """All bots' passages under PASSAGE: those told now, and of other bots those that stand."""
    if config.is_complete:
        return told
    return told.unionByName(standing.join(told.select("bot_id").distinct(), on="bot_id", how="left_anti"))


def list_contents(passages: DataFrame, *, basis: str) -> DataFrame:
    """`bot_id, content`: of each bot a hash of its passages and of the `basis`, what indexes are made with."""
    rows = F.sort_array(F.collect_list(F.sha2(F.to_json(F.struct("searched", "example", "text", "source")), 256)))
    content = F.sha2(F.concat_ws(" ", F.lit(basis), "bot_id", rows), 256)
    return passages.groupBy("bot_id").agg(content.alias("content"))


def identify_contents(contents: DataFrame) -> str:
    """A hash of all bots' contents (`list_contents`), in whatever order they come."""
    whole = F.sha2(F.concat_ws(" ", F.sort_array(F.collect_list("content"))), 256)
    return str(contents.agg(whole.alias("whole")).collect()[0]["whole"])


def _describe_part(part: Passage) -> dict[str, str]:
    heading = part.headings[-1] if part.headings else ""
    example = heading or part.text.split("\n")[0][:_EXAMPLE_CHARS]
    searched = clean_text("\n".join([*part.headings, part.text]))
    return {"searched": searched, "example": clean_text(example), "text": part.text, "heading": heading}


def _reject_repeated(passages: DataFrame) -> DataFrame:
    """Of a bot's passages that say the same of the same, one is kept: that of the first source and file."""
    same = Window.partitionBy("bot_id", "searched", "text", F.col("reason").isNull()).orderBy("source", "file")
    numbered = passages.withColumn("number", F.when(F.col("reason").isNull(), F.row_number().over(same)))
    is_blank = F.col("reason").isNull() & ((F.trim("searched") == "") | (F.trim("text") == ""))
    reason = F.when(F.col("number") > 1, "duplicate").when(is_blank, "nothing_left").otherwise(F.col("reason"))
    marked = numbered.withColumn("reason", reason).drop("number")
    hidden = {
        name: F.when(F.col("reason").isNull(), F.col(name)).cast(_STRING) for name in ("searched", "example", "text")
    }
    return marked.withColumns(hidden).select(*OUTCOME.fieldNames())


def _first_filled(bot_id: Column, otherwise: str) -> Column:
    return F.coalesce(_filled(bot_id), F.lit(otherwise)).alias("bot_id")


def _filled(text: Column) -> Column:
    return F.when(F.trim(text) != "", F.trim(text))
