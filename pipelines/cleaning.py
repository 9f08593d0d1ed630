"""Raw rows to clean messages: text rules, screening and duplicates, with a reason for each row that is kept out."""

from dataclasses import dataclass, field
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.deduplication import DeduplicationConfig, duplicate_reason
from pipelines.schemas import EDITS
from pipelines.spans import are_misaligned, to_clean
from udfs.columns import lift
from udfs.screening import ScreeningConfig, clean_and_screen

RULES_VERSION = 3  # raise it when a text rule changes: stored outputs of older rules are then not taken for these

_PAYLOAD_CHARS = 500  # as much of an unreadable line goes to quarantine, masked

_CLEANED = T.StructType(
    [
        T.StructField("text", T.StringType()),
        T.StructField("key", T.StringType()),
        T.StructField("reason", T.StringType()),
        T.StructField("masks", T.IntegerType()),
        T.StructField("edits", EDITS),
    ]
)


@dataclass(frozen=True)
class CleaningConfig:
    """What makes a message worth keeping."""

    screening: ScreeningConfig = field(default_factory=ScreeningConfig)
    duplicates: DeduplicationConfig = field(default_factory=DeduplicationConfig)


def clean_messages(parsed: DataFrame, config: CleaningConfig) -> DataFrame:
    """Every parsed row with its clean text and, where it is kept out, its `reason` (null: a clean message).

    Columns: those of schemas.MESSAGE, `reason`, `sha256` (of an unreadable line), `masks` (PII items masked) and
    the place in the source. A validation or test row that its source marks as such is kept if it can be read.
    """
    cleaned = _with_clean_text(split_answers(parsed), config)
    unmarked = cleaned.withColumn("may_be_duplicate", F.col("reason").isNull() & may_be_dropped())
    marked = duplicate_reason(unmarked, config.duplicates)
    return marked.withColumn("reason", F.coalesce("reason", "duplicate")).drop("may_be_duplicate", "duplicate")


def split_answers(parsed: DataFrame) -> DataFrame:
    """A row that holds a question and its answer as two: a customer's message, and the agent's that replies to it.

    The two are a conversation of their own where the row names no room. Other rows stay as they are.
    """
    has_reply = F.col("problem").isNull() & F.coalesce(F.trim("reply") != "", F.lit(False))
    parts = F.when(has_reply, F.array(F.lit(False), F.lit(True))).otherwise(F.array(F.lit(False)))
    is_answer, asked = F.col("is_answer"), F.col("asked")
    rows = parsed.withColumn("asked", F.when(has_reply, _message_id())).withColumn("is_answer", F.explode(parts))
    columns = {
        "message_id": F.when(is_answer, F.concat(asked, F.lit("-reply"))).otherwise(F.coalesce(asked, "message_id")),
        "room_id": F.coalesce("room_id", asked),
        "speaker": F.when(is_answer, "agent").otherwise(F.coalesce("speaker", F.when(asked.isNotNull(), "customer"))),
        "text": F.when(is_answer, F.col("reply")).otherwise(F.col("text")),
        "intent": F.when(~is_answer, F.col("intent")),
        "spans": F.when(~is_answer, F.col("spans")),
        "reply_to": F.when(is_answer, asked).otherwise(F.col("reply_to")),
    }
    return rows.withColumns(columns).drop("asked", "is_answer", "reply")


def known_reason() -> Column:
    """Why a parsed row is kept out whatever its text says; null where the text decides (screening)."""
    is_system = F.coalesce(speaker() == "system", F.lit(False))
    return F.coalesce("problem", F.when(may_be_dropped() & is_system, "system_message"))


def may_be_dropped() -> Column:
    """Not so a data set's own validation and test rows: figures on them are compared with published ones."""
    return ~F.coalesce(F.col("split").isin("validation", "test"), F.lit(False))


def own_message_id() -> Column:
    """A parsed row's; null where it has none."""
    return F.when(F.trim("message_id") != "", F.col("message_id"))


def speaker() -> Column:
    """A parsed row's, as the settings write it."""
    return F.lower(F.trim("speaker"))


def _with_clean_text(parsed: DataFrame, config: CleaningConfig) -> DataFrame:
    clean = lift(partial(clean_and_screen, config=config.screening), _CLEANED)
    raw_text = F.when(F.col("problem").isNull(), F.col("text")).when(
        F.is_valid_utf8("line"), F.translate(F.substring("line", 1, _PAYLOAD_CHARS), "\x00", " ")
    )
    rows = parsed.withColumn("cleaned", clean(raw_text)).withColumn("message_id", _message_id())
    spans, edits = F.col("spans"), F.col("cleaned.edits")
    misaligned = F.when(F.coalesce(are_misaligned(spans, edits), F.lit(False)), "misaligned_slots")
    return rows.select(
        "message_id", "room_id", "bot_id", speaker().alias("speaker"), "sent_at",
        F.col("cleaned.text").alias("text"), "intent", "reply_to", "split",
        F.unhex(F.md5("cleaned.key")).alias("text_key"),
        F.coalesce(known_reason(), F.when(may_be_dropped(), F.col("cleaned.reason")), misaligned).alias("reason"),
        to_clean(spans, edits).alias("spans"), edits.alias("edits"),
        F.col("cleaned.masks").alias("masks"),
        F.when(F.col("problem").isNotNull(), F.sha2("line", 256)).alias("sha256"),
        "source_file", "source_block", "position",
    )  # fmt: skip


def _message_id() -> Column:
    """Its own, or one made of its file's name and its place there: the same for the same file."""
    file = F.element_at(F.split("source_file", "/"), -1)
    made = F.md5(F.concat_ws("/", file, F.col("source_block"), F.col("line"), F.col("text")))
    return F.coalesce(own_message_id(), made)
