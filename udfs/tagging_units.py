"""A clean text as the units that slots are found in: its morphemes, where each stands, and what is known of each.

A unit's aspects are the inputs of the network: the morpheme itself, its tag and the blanks around it, how it begins and
ends, the eojeol that it stands in, and the morpheme with the one before it. Slots become tags of units and back:
`B-date` begins a value, `I-date` goes on, `O` is none (Ramshaw and Marcus, 1995).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from udfs.analyzers import load_analyzer
from udfs.annotations import Span
from udfs.lossless import PLACEHOLDER

ASPECTS = ("morphemes", "places", "first_letters", "last_letters", "beginnings", "endings", "eojeols", "pairs")
OUTSIDE = "O"
_BEGINS, _GOES_ON = "B-", "I-"
_LETTERS = 2  # of a beginning and of an ending


class Unit(NamedTuple):
    """A morpheme as it stands in the text, from `start` to before `end`."""

    text: str
    tag: str  # its part of speech
    start: int
    end: int


def read_units(text: str) -> list[Unit]:
    """The units of a clean text, in order; a mask token is one."""
    units: list[Unit] = []
    for token in load_analyzer("mecab_ko")(text):
        morpheme, _, tag = (token, "", "MASK") if PLACEHOLDER.fullmatch(token) else token.rpartition("/")
        start = text.index(morpheme, units[-1].end if units else 0)
        units.append(Unit(morpheme, tag, start, start + len(morpheme)))
    return units


def list_aspects(text: str, units: Sequence[Unit]) -> dict[str, list[str]]:
    """What is known of each unit of the text, by aspect; none holds a blank.

    >>> list_aspects("밥 줘", read_units("밥 줘"))["places"]
    ['NNG|^$', 'VV+EC|^$']
    """
    before = ["^", *(unit.text for unit in units)]
    aspects = (
        [_describe(text, unit), *_spell(unit.text), _find_eojeol(text, unit), f"{last}|{unit.text}"]
        for last, unit in zip(before, units, strict=False)
    )
    columns = zip(*([f"{unit.text}/{unit.tag}", *rest] for unit, rest in zip(units, aspects, strict=True)), strict=True)
    return dict(zip(ASPECTS, map(list, columns), strict=True)) if units else {name: [] for name in ASPECTS}


def tag_units(units: Sequence[Unit], spans: Sequence[Span]) -> list[str] | None:
    """The tag of each unit; None where a span begins or ends inside a unit."""
    tags = [OUTSIDE] * len(units)
    for span in spans:
        inside = [i for i, unit in enumerate(units) if span.start <= unit.start and unit.end <= span.end]
        for i in inside:
            tags[i] = (_BEGINS if i == inside[0] else _GOES_ON) + span.slot
    return tags if find_spans(units, tags) == list(spans) else None


def find_spans(units: Sequence[Unit], tags: Sequence[str]) -> list[Span]:
    """The slots that the tags of the units tell; a value that goes on without having begun begins there."""
    return list(_join_units(units, tags))


def may_follow(before: str | None, tag: str) -> bool:
    """Whether a tag may stand behind another one, or behind none."""
    if not tag.startswith(_GOES_ON):
        return True
    slot = tag.removeprefix(_GOES_ON)
    return before in (_BEGINS + slot, _GOES_ON + slot)


def _join_units(units: Sequence[Unit], tags: Sequence[str]) -> Iterator[Span]:
    span, before = None, None
    for unit, tag in zip(units, tags, strict=True):
        goes_on = span is not None and tag.startswith(_GOES_ON) and may_follow(before, tag)
        if span and not goes_on:
            yield span
        if goes_on and span:
            span = span._replace(end=unit.end)
        else:
            span = None if tag == OUTSIDE else Span(tag[2:], unit.start, unit.end)
        before = tag
    if span:
        yield span


def _describe(text: str, unit: Unit) -> str:
    before, after = text[: unit.start][-1:], text[unit.end : unit.end + 1]
    return f"{unit.tag}|{'' if before.strip() else '^'}{'' if after.strip() else '$'}"


def _spell(morpheme: str) -> list[str]:
    more = "+" if len(morpheme) > _LETTERS else ""
    return [morpheme[0], morpheme[-1], morpheme[:_LETTERS] + more, more + morpheme[-_LETTERS:]]


def _find_eojeol(text: str, unit: Unit) -> str:
    return text[: unit.start].rpartition(" ")[2] + text[unit.start :].partition(" ")[0]
