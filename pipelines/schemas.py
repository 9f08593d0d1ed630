"""The tables' schemas: the columns that jobs hand to each other."""

from pyspark.sql import types as T

_STRING = T.StringType()

MESSAGE = T.StructType(
    [
        T.StructField("message_id", _STRING, nullable=False),
        T.StructField("room_id", _STRING),
        T.StructField("bot_id", _STRING),
        T.StructField("speaker", _STRING),  # customer | agent | system
        T.StructField("sent_at", T.TimestampType()),
        T.StructField("text", _STRING),  # clean, PII masked
        T.StructField("intent", _STRING),  # a label, where the source has one
        T.StructField("reply_to", _STRING),
        T.StructField("split", _STRING),  # train | validation | test, where the source has its own
        T.StructField("text_key", T.BinaryType()),  # MD5 of the near-duplicate key: one value a text
    ]
)

QUARANTINE = T.StructType(
    [
        T.StructField("reason", _STRING),
        T.StructField("source_file", _STRING),
        T.StructField("source_line", T.LongType()),  # from 1
        T.StructField("message_id", _STRING),
        T.StructField("text", _STRING),  # masked; of a row that does not parse, the start of its line, masked
        T.StructField("sha256", _STRING),  # of the whole line, as it came
    ]
)

SPLITS = ("train", "validation", "test")

MESSAGE_COLUMNS = MESSAGE.fieldNames()
