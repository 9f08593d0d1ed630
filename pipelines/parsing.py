"""Raw rows to columns of a message, and the reason why a row cannot be one.

A bad row never fails the query: every parse is one that gives null. The reasons of this file are
invalid_utf8, nul_character, too_long, broken_json, broken_csv, missing_text, wrong_type, unknown_split and
misaligned_slots.
"""

from collections.abc import Collection
from dataclasses import asdict

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from pipelines.errors import MalgilError
from pipelines.io.raw_messages import ColumnsConfig, InputConfig, RawMessages, delimiter
from pipelines.schemas import SPANS
from pipelines.spans import read_spans

_CORRUPT = "_corrupt"
_NUL = "\x00"
_NUMBER = r"^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*$"
_PLAIN_FIELDS = ("message_id", "room_id", "bot_id", "speaker", "intent", "reply_to", "reply")
_PLACE = ("source_file", "source_block", "position")
_SPLIT_NAMES = {
    "train": "train", "training": "train",
    "dev": "validation", "valid": "validation", "val": "validation", "validation": "validation",
    "test": "test",
}  # fmt: skip


def parse_messages(raw: RawMessages, config: InputConfig) -> DataFrame:
    """One row a raw row: the string columns of a message, sent_at as timestamp, `line` (text formats: as it came),
    `problem` (null: a message) and the place it came from. Pure: no action."""
    if config.format == "jsonl":
        parsed, fields, problem = _parse_json(config), _json_fields(config), _json_problem()
    elif config.format == "parquet":
        parsed, fields, problem = F.col("row"), _row_fields(raw, config), F.lit(None)
    else:
        parsed, fields, problem = _parse_csv(raw, config), _csv_fields(raw, config), _csv_problem()
    line = F.lit(None).cast("string") if config.format == "parquet" else F.col("value")
    # `parsed` in a select of its own: Spark then parses a row once, not once a field
    rows = raw.rows.select(*_PLACE, line.alias("line"), parsed.alias("parsed"))
    rows = rows.select(*_PLACE, "line", *fields, problem.alias("unreadable"))
    return _with_spans(_with_problems(_named(rows, config), config), config)


def _readable_line(config: InputConfig) -> Column:
    """The line without its byte order mark; null where its bytes are no text or too many."""
    readable = F.is_valid_utf8("value") & (F.octet_length("value") <= config.max_line_bytes)
    return F.when(readable, F.ltrim(F.col("value"), F.lit("\ufeff")))


# JSON: text as a variant, so that its type is known before it is cast


def _parse_json(config: InputConfig) -> Column:
    sources = dict.fromkeys(filter(None, asdict(config.columns).values()))
    types = {source: "VARIANT" if source == config.columns.text else "STRING" for source in [*sources, _CORRUPT]}
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT}
    return F.from_json(_readable_line(config), _ddl(types), options)


def _json_fields(config: InputConfig) -> list[Column]:
    text = F.col("parsed").getField(config.columns.text)
    others = {name: source for name, source in asdict(config.columns).items() if name != "text"}
    return [
        F.try_variant_get(text, "$", "string").alias("text"),
        F.schema_of_variant(text).alias("text_type"),
        *(_field(F.col("parsed"), source).alias(name) for name, source in others.items()),
    ]


def _field(row: Column, source: str) -> Column:
    return row.getField(source) if source else F.lit(None).cast("string")


def _json_problem() -> Column:
    return F.when(F.col("parsed").getField(_CORRUPT).isNotNull(), "broken_json")


def _ddl(types: dict[str, str]) -> str:
    return ", ".join(f"`{name.replace('`', '``')}` {kind}" for name, kind in types.items())


# CSV and TSV: a line at a time


def _parse_csv(raw: RawMessages, config: InputConfig) -> Column:
    options = {"sep": delimiter(config), "mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT}
    quoting = {"quote": "" if config.format == "tsv" else config.quote, "escape": config.quote or "\\"}
    schema = _ddl(dict.fromkeys((*raw.names, _CORRUPT), "STRING"))
    line = F.regexp_replace(_readable_line(config), "\r$", "")
    return F.from_csv(line, F.lit(schema), {**options, **quoting})


def _csv_fields(raw: RawMessages, config: InputConfig) -> list[Column]:
    return [*_columns_of(F.col("parsed"), raw.names, config.columns), F.lit("STRING").alias("text_type")]


def _csv_problem() -> Column:
    return F.when(F.col("parsed").getField(_CORRUPT).isNotNull(), "broken_csv")


# Parquet: typed by its schema


def _row_fields(raw: RawMessages, config: InputConfig) -> list[Column]:
    types = {field.name: field.dataType.simpleString().upper() for field in raw.rows.select("row.*").schema}
    kind = F.lit(types.get(config.columns.text)).alias("text_type")
    lists = {name for name, kind_of in types.items() if kind_of.startswith("ARRAY<STRUCT")}
    return [*_columns_of(F.col("parsed"), raw.names, config.columns, lists & {config.columns.slots}), kind]


def _columns_of(
    row: Column, names: tuple[str, ...], columns: ColumnsConfig, lists: Collection[str] = ()
) -> list[Column]:
    """Each column of a message by its name in the source; null where the source has none of that name.

    Those that hold `lists` become JSON.
    """
    defaults = asdict(ColumnsConfig())
    fields = []
    for name, source in asdict(columns).items():
        if source not in names and (name == "text" or source != defaults[name]):
            expected = f"input.columns.{name}: expected a column {source!r}"
            raise MalgilError(f"{expected}, found {', '.join(names)}; set input.columns.{name}")
        field = row.getField(source)
        text = F.to_json(field) if source in lists else field.cast("string")
        value = text if source in names else F.lit(None).cast("string")
        fields.append(value.alias(name))
    return fields


# What is wrong with a row


def _named(parsed: DataFrame, config: InputConfig) -> DataFrame:
    """Intents and splits by malgil's names; sent_at as a time."""
    split = F.lower(F.trim("split"))
    for file, name in config.split_by_file.items():
        split = F.when(F.col("source_file").endswith(f"/{file}"), name).otherwise(split)
    return parsed.withColumns(
        {
            "split_name": _lookup(split, _SPLIT_NAMES),
            "split": split,
            "intent": _name_intent(F.trim("intent"), config.intents),
            "sent_time": _timestamp(F.col("sent_at")),
        }
    )


def _name_intent(label: Column, intents: dict[str, str]) -> Column:
    """The intent of a raw label: of the same text, else of the first pattern that fits; itself if there are none."""
    exact = {text: intent for text, intent in intents.items() if "*" not in text}
    named = [_lookup(label, exact)] if exact else []
    for pattern, intent in intents.items():
        if "*" in pattern:
            literal = "\\E.*\\Q".join(pattern.split("*"))
            named.append(F.when(label.rlike(f"^\\Q{literal}\\E$"), intent))
    return F.coalesce(*named) if named else label


def _lookup(key: Column, names: dict[str, str]) -> Column:
    pairs = [F.lit(text) for pair in names.items() for text in pair]
    return F.try_element_at(F.create_map(*pairs), key)


def _timestamp(text: Column) -> Column:
    # asked first: a cast that fails costs an exception, and most times are no number
    number = F.when(text.rlike(_NUMBER), text.try_cast("double"))
    seconds = F.when(F.abs(number) > 1e11, number / 1000).otherwise(number)
    return F.coalesce(F.timestamp_seconds(seconds), text.try_cast("timestamp"))


def _with_problems(named: DataFrame, config: InputConfig) -> DataFrame:
    line, text, reply = F.col("line"), F.col("text"), F.col("reply")
    invalid = ~F.is_valid_utf8(line) | ~F.is_valid_utf8(text) | ~F.is_valid_utf8(reply)
    has_nul = [F.contains(part, F.lit(_NUL)) for part in (line, text, reply)]
    problem = (
        F.when(invalid, "invalid_utf8")
        .when(has_nul[0] | has_nul[1] | has_nul[2], "nul_character")
        .when(F.octet_length(line) > config.max_line_bytes, "too_long")
        .when(F.octet_length(text) > config.max_line_bytes, "too_long")
        .when(F.col("unreadable").isNotNull(), F.col("unreadable"))
        .when(_has_wrong_type(), "wrong_type")
        .when(text.isNull() | (F.trim(text) == ""), "missing_text")
        .when(F.col("sent_at").isNotNull() & F.col("sent_time").isNull(), "wrong_type")
        .when(F.col("split").isNotNull() & F.col("split_name").isNull(), "unknown_split")
    )
    times = [F.col("sent_time").alias("sent_at"), F.col("split_name").alias("split")]
    return named.select(*_PLACE, "line", "text", *_PLAIN_FIELDS, "slots", *times, problem.alias("problem"))


def _with_spans(rows: DataFrame, config: InputConfig) -> DataFrame:
    """`spans` in the place of `slots`, in a pass of Python's only where the source has a column for them."""
    if not config.columns.slots:
        return rows.withColumn("spans", F.lit(None).cast(SPANS)).drop("slots")
    read = rows.withColumn("read", read_spans(F.when(F.col("problem").isNull(), F.col("slots")), F.col("text")))
    problem = F.coalesce("problem", F.when(F.col("read.is_misaligned"), "misaligned_slots"))
    return read.withColumns({"spans": F.col("read.spans"), "problem": problem}).drop("read", "slots")


def _has_wrong_type() -> Column:
    """Text that is no string, or another field that is an object or a list (as text: how JSON writes them)."""
    is_other_text = ~F.coalesce("text_type", F.lit("STRING")).isin("STRING", "VOID")
    is_nested = [F.left(F.col(name), F.lit(1)).isin("{", "[") for name in _PLAIN_FIELDS]
    return is_other_text | F.array_contains(F.array(*is_nested), True)
