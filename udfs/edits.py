"""What cleaning changed in a text, so that a place in the clean text can be found in the message as it was sent.

Cleaning is many rules one after another. Rather than have each keep a record, the two texts are compared afterwards:
the longest common subsequence of their characters stands, and what is between is an edit. A mask token matches
nothing that was said.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from udfs.masking import PLACEHOLDERS
from udfs.normalization import LINK, fold_characters

_CLUSTER = re.compile("(?s).[\u0300-\u036f\u1160-\u11ff]*")  # a character with what NFC joins to it
_TOKENS = re.compile("|".join(map(re.escape, (*PLACEHOLDERS, LINK))))
_MAX_STEPS = 4_000_000  # of comparing: 40 ms
_CHANGED, _MASKED = "\ue000", "\ue001"  # no character of a clean text: blanks there


class Edit(NamedTuple):
    """A part of the clean text, perhaps an empty one, that stands for another part of the message."""

    start: int
    end: int
    original_start: int
    original_end: int


def find_edits(original: str, clean: str) -> list[Edit]:
    """What differs, in order; nothing where the texts are equal, and one edit for all where they are very long."""
    if original == clean:
        return []
    if len(original) * len(clean) > _MAX_STEPS:
        return [Edit(0, len(clean), 0, len(original))]
    edits, done, original_done = [], 0, 0
    for place, start, end in [*_match(original, clean), (len(clean), len(original), len(original))]:
        if place > done or start > original_done:
            blanks = _count_blanks(original[original_done:start]) if place > done and clean[done] != " " else 0
            if blanks:  # they went by themselves, and are no part of what stands behind them
                edits.append(Edit(done, done, original_done, original_done + blanks))
            edits.append(Edit(done, place, original_done + blanks, start))
        if end - start > 1:  # a syllable that was typed as several letters
            edits.append(Edit(place, place + 1, start, end))
        done, original_done = place + 1, end
    return edits


def to_original(start: int, end: int, edits: Sequence[Edit]) -> tuple[int, int]:
    """Where a part of the clean text stands in the message. One that touches an edit takes in the whole of it.

    >>> to_original(0, 6, [Edit(0, 6, 0, 13)])
    (0, 13)
    """
    first, last = start, end
    for edit in edits:
        if edit.end <= start:
            first = edit.original_end + start - edit.end
        elif edit.start <= start:
            first = edit.original_start
        if edit.start < end:
            last = edit.original_end + max(end - edit.end, 0)
    return first, last


def _match(original: str, clean: str) -> Iterator[tuple[int, int, int]]:
    """Each place in the clean text that has its character in the message, and where that begins and ends there."""
    folded, places = _fold(original)
    masked = _TOKENS.sub(lambda token: token[0] if token[0] in original else _MASKED * len(token[0]), clean)
    head = _count_equal(folded, masked)
    tail = _count_equal(folded[head:][::-1], masked[head:][::-1])
    between = _align(folded[head : len(folded) - tail], masked[head : len(masked) - tail])
    pairs = [(i, i) for i in range(head)]
    pairs += [(head + i, head + j) for i, j in between]
    pairs += [(len(folded) - i, len(masked) - i) for i in range(tail, 0, -1)]
    return ((j, *places[i]) for i, j in pairs)


def _fold(original: str) -> tuple[str, list[tuple[int, int]]]:
    """The message with one character for each that it is made of, as cleaning folds them; and where each stands."""
    clusters = list(_CLUSTER.finditer(original))
    folded = [fold_characters(cluster[0]) for cluster in clusters]
    return "".join(one if len(one) == 1 else _CHANGED for one in folded), [cluster.span() for cluster in clusters]


def _count_blanks(text: str) -> int:
    """At the beginning."""
    return len(text) - len(text.lstrip())


def _count_equal(one: str, other: str) -> int:
    """How many characters at the beginning are the same."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _align(one: str, other: str) -> list[tuple[int, int]]:
    """The places of a longest common subsequence in both texts, in order."""
    if not one or not other:
        return []
    lengths = _count_common(_codes(one), _codes(other))
    pairs, i, j = [], len(one), len(other)
    while i and j:
        if one[i - 1] == other[j - 1] and lengths[j, i] == lengths[j - 1, i - 1] + 1:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif lengths[j - 1, i] >= lengths[j, i - 1]:
            j -= 1
        else:
            i -= 1
    return pairs[::-1]


def _count_common(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> npt.NDArray[np.int16]:
    """The length of the longest common subsequence of every two beginnings: (other + 1, one + 1)."""
    lengths = np.zeros((len(other) + 1, len(one) + 1), np.int16)
    for j, code in enumerate(other):
        longer = np.maximum(lengths[j, 1:], lengths[j, :-1] + (one == code))
        lengths[j + 1, 1:] = np.maximum.accumulate(longer)
    return lengths


def _codes(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
