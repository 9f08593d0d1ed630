"""Predictions as the JSON that readers get, in Redis and elsewhere (DESIGN.md, contracts)."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from pipelines.schemas import ANSWERS, FOUND_SLOTS

_TIMES = {"timeZone": "UTC", "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"}


def prediction_json() -> Column:
    """A row of PREDICTION as JSON.

    Times are UTC with six digits of a second, so that they sort as text. `top` and `labels` are built by hand: their
    pairs mix text and numbers, which to_json has no type for. Predictions that are older than `answers` have none.
    """
    options = {"ignoreNullFields": "false", **_TIMES}
    head = F.to_json(F.struct("message_id", "room_id", "bot_id", "intent", "confidence"), options)
    later = {"slots": FOUND_SLOTS, "answers": ANSWERS}  # older predictions have none
    lists = [F.coalesce(name, F.array().cast(kind)).alias(name) for name, kind in later.items()]
    tail = F.to_json(F.struct("is_out_of_scope", "replies", *lists, "models", "sent_at", "predicted_at"), options)
    top = F.array_join(F.transform("top", lambda entry: _pair_json(entry["intent"], entry["probability"])), ",")
    labels = F.array_join(F.transform(F.map_entries("labels"), _label_json), ",")
    parts = [F.lit(',"top":['), top, F.lit('],"labels":{'), labels, F.lit("},")]
    return F.concat(_without_last(head), *parts, F.substr(tail, F.lit(2)))


def time_text(name: str) -> Column:
    """A time as the JSON of a prediction writes it; null for null."""
    return F.when(F.col(name).isNotNull(), F.to_csv(F.struct(name), _TIMES))


def _pair_json(name: Column, probability: Column) -> Column:
    names = F.to_json(F.array(name))  # ["intent"], escaped
    return F.concat(_without_last(names), F.lit(","), probability.cast("string"), F.lit("]"))


def _label_json(entry: Column) -> Column:
    names = F.to_json(F.array(entry["key"]))  # ["task"], escaped
    task = _without_last(F.substr(names, F.lit(2)))
    return F.concat(task, F.lit(":"), _pair_json(entry["value"]["label"], entry["value"]["probability"]))


def _without_last(text: Column) -> Column:
    return F.substr(text, F.lit(1), F.length(text) - 1)
