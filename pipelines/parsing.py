"""Raw rows to columns of a message, and the reason why a row cannot be one.

A bad row never fails the query: every parse is one that gives null. The reasons of this file are
invalid_utf8, nul_character, too_long, broken_json, broken_csv, missing_text, wrong_type and unknown_split.
"""

from dataclasses import asdict

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.errors import MalgilError
from pipelines.io.raw_messages import ColumnsConfig, InputConfig, RawMessages, delimiter

_CORRUPT = "_corrupt"
_NUL = "\x00"
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
        fields, line, problem = _json_fields(config), F.col("value"), _json_problem(config)
    elif config.format == "parquet":
        fields, line, problem = _row_fields(raw, config), F.lit(None).cast("string"), F.lit(None)
    else:
        fields, line, problem = _csv_fields(raw, config), F.col("value"), _csv_problem(raw, config)
    parsed = raw.rows.select(*_PLACE, line.alias("line"), *fields, problem.alias("unreadable"))
    return _with_problems(_named(parsed, config), config)


# JSON: as a variant, so that a value's type is known before it is cast


def _json(config: InputConfig) -> Column:
    readable = F.is_valid_utf8("value") & (F.octet_length("value") <= config.max_line_bytes)
    return F.when(readable, F.try_parse_json(F.ltrim(F.col("value"), F.lit("\ufeff"))))


def _json_fields(config: InputConfig) -> list[Column]:
    value = _json(config)
    fields = []
    for name, source in asdict(config.columns).items():
        path = f"$.{source}" if source.replace("_", "").replace(".", "").isalnum() else f"$['{source}']"
        fields.append(F.try_variant_get(value, path, "string").alias(name))
        fields.append(F.schema_of_variant(F.try_variant_get(value, path, "variant")).alias(f"{name}_type"))
    return fields


def _json_problem(config: InputConfig) -> Column:
    return F.when(_json(config).isNull(), "broken_json")


# CSV and TSV: a line at a time


def _csv(raw: RawMessages, config: InputConfig) -> Column:
    fields = [T.StructField(name, T.StringType()) for name in (*raw.names, _CORRUPT)]
    options = {"sep": delimiter(config), "mode": "PERMISSIVE", "columnNameOfCorruptRecord": _CORRUPT}
    quoting = {"quote": "" if config.format == "tsv" else config.quote, "escape": config.quote or "\\"}
    line = F.regexp_replace(F.ltrim(F.col("value"), F.lit("\ufeff")), "\r$", "")
    readable = F.is_valid_utf8("value") & (F.octet_length("value") <= config.max_line_bytes)
    schema = T.StructType(fields)
    return F.from_csv(F.when(readable, line), F.lit(_ddl(schema)), {**options, **quoting})


def _ddl(schema: T.StructType) -> str:
    return ", ".join(f"`{name.replace('`', '``')}` STRING" for name in schema.fieldNames())


def _csv_fields(raw: RawMessages, config: InputConfig) -> list[Column]:
    return _columns_of(_csv(raw, config), raw.names, config.columns)


def _csv_problem(raw: RawMessages, config: InputConfig) -> Column:
    return F.when(_csv(raw, config).getField(_CORRUPT).isNotNull(), "broken_csv")


# Parquet: typed by its schema


def _row_fields(raw: RawMessages, config: InputConfig) -> list[Column]:
    fields = _columns_of(F.col("row"), raw.names, config.columns)
    schema = raw.rows.schema["row"].dataType
    assert_struct = schema if isinstance(schema, T.StructType) else T.StructType()
    types = {f.name: f.dataType.simpleString().upper() for f in assert_struct}
    mapping = asdict(config.columns)
    return [*fields, *(F.lit(types.get(source)).alias(f"{name}_type") for name, source in mapping.items())]


def _columns_of(row: Column, names: tuple[str, ...], columns: ColumnsConfig) -> list[Column]:
    """Each column of a message by its name in the source; null where the source has none of that name."""
    defaults = asdict(ColumnsConfig())
    fields = []
    for name, source in asdict(columns).items():
        if source not in names and (name == "text" or source != defaults[name]):
            expected = f"input.columns.{name}: expected a column {source!r}"
            raise MalgilError(f"{expected}, found {', '.join(names)}; set input.columns.{name}")
        value = row.getField(source).cast("string") if source in names else F.lit(None).cast("string")
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
            "intent": _lookup(F.trim("intent"), config.intents) if config.intents else F.trim("intent"),
            "sent_time": _timestamp(F.col("sent_at")),
        }
    )


def _lookup(key: Column, names: dict[str, str]) -> Column:
    pairs = [F.lit(text) for pair in names.items() for text in pair]
    return F.try_element_at(F.create_map(*pairs), key)


def _timestamp(text: Column) -> Column:
    number = text.try_cast("double")
    seconds = F.when(F.abs(number) > 1e11, number / 1000).otherwise(number)
    return F.coalesce(F.timestamp_seconds(seconds), text.try_cast("timestamp"))


def _with_problems(named: DataFrame, config: InputConfig) -> DataFrame:
    line, text = F.col("line"), F.col("text")
    invalid = ~F.is_valid_utf8(line) | ~F.is_valid_utf8(text)
    problem = (
        F.when(invalid, "invalid_utf8")
        .when(F.contains(line, F.lit(_NUL)) | F.contains(text, F.lit(_NUL)), "nul_character")
        .when(F.octet_length(line) > config.max_line_bytes, "too_long")
        .when(F.octet_length(text) > config.max_line_bytes, "too_long")
        .when(F.col("unreadable").isNotNull(), F.col("unreadable"))
        .when(_has_wrong_type(named), "wrong_type")
        .when(text.isNull() | (F.trim(text) == ""), "missing_text")
        .when(F.col("sent_at").isNotNull() & F.col("sent_time").isNull(), "wrong_type")
        .when(F.col("split").isNotNull() & F.col("split_name").isNull(), "unknown_split")
    )
    names = ["message_id", "room_id", "bot_id", "speaker", "text", "intent", "reply_to"]
    times = [F.col("sent_time").alias("sent_at"), F.col("split_name").alias("split")]
    return named.select(*_PLACE, "line", *names, *times, problem.alias("problem"))


def _has_wrong_type(named: DataFrame) -> Column:
    """Text that is no string, or any other field that is an object or a list."""
    wrong = F.lit(False)
    for column in (name for name in named.columns if name.endswith("_type")):
        kind = F.upper(F.col(column))
        nested = (
            kind.startswith("OBJECT")
            | kind.startswith("ARRAY")
            | kind.startswith("STRUCT")
            | kind.startswith("MAP")
        )
        other = (kind != "STRING") & (kind != "VOID") if column == "text_type" else nested
        wrong = wrong | F.coalesce(other, F.lit(False))
    return wrong
