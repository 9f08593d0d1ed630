"""What people marked in a text, as data sets write it: slots and where their values stand."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

_NAME = re.compile(r"[^\s:\[\]]+")
_MARK = re.compile(rf"\[\s*(?P<slot>{_NAME.pattern})\s*:\s*(?P<value>[^\[\]]*?)\s*\]")


class Span(NamedTuple):
    """A slot's value: the characters from `start` to before `end`."""

    slot: str
    start: int
    end: int


def read_annotation(annotation: str, text: str) -> list[Span] | None:
    """The spans that are marked in the text, in order; None where they cannot be those of this text.

    An annotation is the text with `[slot : value]` in the place of each value (MASSIVE), or a JSON list of
    `{"slot": …, "start": …, "end": …}`, in characters. Spans are not empty, and no two have a character in common.

    >>> read_annotation("[date : 내일] 아침 깨워 줘", "내일 아침 깨워 줘")
    [Span(slot='date', start=0, end=2)]
    """
    listed = _read_list(annotation)
    spans = list(_read_marks(annotation)) if listed is None else listed
    plain = text if listed is not None else _MARK.sub(lambda mark: mark["value"], annotation)
    ordered = sorted(spans, key=lambda span: span.start) if all(map(_is_span, spans)) else []
    if plain != text or len(ordered) < len(spans) or not _stand_apart(ordered, len(text)):
        return None
    return ordered


def _read_list(annotation: str) -> list[Span] | None:
    """Of JSON; None where it is none."""
    try:
        found = json.loads(annotation)
    except ValueError:
        return None
    if not isinstance(found, list):
        return None
    return [_to_span(one) for one in found]


def _to_span(value: Any) -> Span:
    fields = value if isinstance(value, dict) else {}
    return Span(fields.get("slot"), fields.get("start"), fields.get("end"))  # type: ignore[arg-type]  # _is_span looks


def _read_marks(annotation: str) -> Iterator[Span]:
    shift = 0  # characters of marks so far
    for mark in _MARK.finditer(annotation):
        start = mark.start() - shift
        yield Span(mark["slot"], start, start + len(mark["value"]))
        shift += len(mark[0]) - len(mark["value"])


def _is_span(span: Span) -> bool:
    is_named = isinstance(span.slot, str) and bool(_NAME.fullmatch(span.slot))
    return is_named and all(isinstance(place, int) and not isinstance(place, bool) for place in span[1:])


def _stand_apart(spans: Sequence[Span], chars: int) -> bool:
    places = [0, *(place for span in spans for place in span[1:]), chars]
    return sorted(places) == places and all(span.start < span.end for span in spans)
