"""The tables' schemas: the columns that jobs hand to each other."""

from pyspark.sql import types as T

_STRING = T.StringType()

SPANS = T.ArrayType(
    T.StructType(
        [
            T.StructField("slot", _STRING),
            T.StructField("start", T.IntegerType()),  # of characters
            T.StructField("end", T.IntegerType()),  # behind the last one
        ]
    )
)
EDITS = T.ArrayType(
    T.StructType([T.StructField(name, T.IntegerType()) for name in ("start", "end", "original_start", "original_end")])
)
FOUND_SLOTS = T.ArrayType(
    T.StructType(
        [
            T.StructField("slot", _STRING),
            T.StructField("text", _STRING),  # clean and masked
            T.StructField("start", T.IntegerType()),  # of characters, in the message as it was sent
            T.StructField("end", T.IntegerType()),  # behind the last one
        ]
    )
)

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
        T.StructField("spans", SPANS),  # the slots that are marked in the text, where the source marks any
        T.StructField("edits", EDITS),  # of udfs.edits: what cleaning changed; empty where that was nothing
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

ANSWERS = T.ArrayType(  # to a message, from its bot's knowledge base
    T.StructType(
        [
            T.StructField("text", _STRING),
            T.StructField("source", _STRING),  # null where the knowledge base names none
            T.StructField("score", T.DoubleType()),
        ]
    )
)

SPLITS = ("train", "validation", "test")

MESSAGE_COLUMNS = MESSAGE.fieldNames()
SAID = [name for name in MESSAGE_COLUMNS if name not in ("spans", "edits")]  # what a message says, and of whom
