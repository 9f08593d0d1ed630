"""Records of the messages topic as rows that are ready for the model: parsed as a batch is, and row by row."""

from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.cleaning import known_reason, may_be_dropped, own_message_id, speaker
from pipelines.io.raw_messages import InputConfig, RawMessages
from pipelines.parsing import parse_messages
from pipelines.prediction_json import time_text
from pipelines.training_set import is_said_by

_STRING = T.StringType()
LIVE_MESSAGE = T.StructType(
    [
        T.StructField("partition", T.IntegerType()),
        T.StructField("offset", T.LongType()),
        T.StructField("sha256", _STRING),  # of the record's bytes
        T.StructField("message_id", _STRING),
        T.StructField("room_id", _STRING),
        T.StructField("bot_id", _STRING),
        T.StructField("speaker", _STRING),
        T.StructField("sent_at", _STRING),  # as the JSON of a prediction writes it
        T.StructField("sent_us", T.LongType()),  # the same in microseconds since 1970
        T.StructField("text", _STRING),  # as it was said: not clean, not masked; null where it cannot be read
        T.StructField("known_reason", _STRING),  # why it cannot be predicted, whatever its text says
        T.StructField("is_screened", T.BooleanType()),  # whether its text may be a reason as well
        T.StructField("is_predicted", T.BooleanType()),  # whether its speaker is one whose messages are predicted
    ]
)


def parse_records(records: RawMessages, *, max_bytes: int, speakers: Sequence[str]) -> DataFrame:
    """One row of LIVE_MESSAGE a record. Its reasons are those of parsing, `missing_message_id` and `system_message`.

    A record that cannot be read gives its place and hash alone, one with fields of a wrong type its text as well.
    """
    parsed = parse_messages(records, replace(InputConfig(), max_line_bytes=max_bytes))
    is_misshapen = F.coalesce(F.col("problem") == "wrong_type", F.lit(False))
    named = {name: F.when(~is_misshapen, F.col(name)) for name in ("room_id", "bot_id", "sent_at")}
    rows = parsed.withColumns(
        {
            **named,
            "own_message_id": F.when(~is_misshapen, own_message_id()),
            "said_by": F.when(~is_misshapen, speaker()),
            "reason": F.coalesce(known_reason(), F.when(own_message_id().isNull(), "missing_message_id")),
        }
    )
    return rows.select(*(column.alias(name) for name, column in _columns(speakers).items()))


def _columns(speakers: Sequence[str]) -> dict[str, Column]:
    return {
        "partition": F.col("source_block").cast("int"),
        "offset": F.col("position").cast("long"),
        "sha256": F.sha2(F.col("line").cast("binary"), 256),
        "message_id": F.col("own_message_id"),
        "room_id": F.col("room_id"),
        "bot_id": F.col("bot_id"),
        "speaker": F.col("said_by"),
        "sent_at": time_text("sent_at"),
        "sent_us": F.unix_micros("sent_at"),
        "text": F.translate("text", "\x00", " "),
        "known_reason": F.col("reason"),
        "is_screened": may_be_dropped(),
        "is_predicted": is_said_by(F.col("said_by"), speakers),
    }
