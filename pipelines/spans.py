"""Slots that people marked in messages, as columns: read, and carried over to the clean text."""

import json

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from pipelines.schemas import SPANS
from udfs.annotations import Span, read_annotation
from udfs.columns import lift

_READ = T.StructType([T.StructField("spans", SPANS), T.StructField("is_misaligned", T.BooleanType())])


def read_spans(annotation: Column, text: Column) -> Column:
    """`spans` of schemas.SPANS in the text, and `is_misaligned`: the annotation is of another text, or none at all.

    Null without an annotation.
    """
    both = F.to_json(F.struct(annotation.alias("annotation"), text.alias("text")))
    return lift(_read, _READ)(F.when(annotation.isNotNull() & text.isNotNull(), both))


def are_misaligned(spans: Column, edits: Column) -> Column:
    """Whether one of the spans begins or ends inside of what cleaning changed as a whole, or is gone with it."""

    def is_cut(place: Column) -> Column:
        return F.exists(edits, lambda edit: (edit["original_start"] < place) & (place < edit["original_end"]))

    def is_misaligned(span: Column) -> Column:
        is_gone = _to_clean(span["start"], edits) >= _to_clean(span["end"], edits)
        return is_cut(span["start"]) | is_cut(span["end"]) | is_gone

    return F.exists(spans, is_misaligned)


def to_clean(spans: Column, edits: Column) -> Column:
    """The spans of a message's text as those of its clean text; of one that is not misaligned."""
    return F.transform(
        spans,
        lambda span: F.struct(
            span["slot"].alias("slot"),
            _to_clean(span["start"], edits).alias("start"),
            _to_clean(span["end"], edits).alias("end"),
        ),
    ).cast(SPANS)


def _to_clean(place: Column, edits: Column) -> Column:
    """A place in the clean text: what stands before it has grown or shrunk by the edits there."""
    before = F.filter(edits, lambda edit: edit["original_end"] <= place)
    growth = F.transform(
        before, lambda edit: edit["end"] - edit["start"] - (edit["original_end"] - edit["original_start"])
    )
    return F.aggregate(growth, place.cast("int"), lambda total, one: total + one)


def _read(both: str) -> tuple[list[Span] | None, bool]:
    value = json.loads(both)
    spans = read_annotation(value["annotation"], value["text"])
    return spans, spans is None
