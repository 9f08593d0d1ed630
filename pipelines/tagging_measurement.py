"""How good found slots are: a slot counts where its name and both its ends are right, as in CoNLL's shared tasks.

Tjong Kim Sang and De Meulder (2003), "Introduction to the CoNLL-2003 Shared Task"; over all slots together (micro).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from udfs.annotations import Span


@dataclass(frozen=True)
class HeldOutTexts:
    """Clean texts that training has not seen, and the slots that are marked in them."""

    texts: tuple[str, ...]
    spans: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True)
class SlotScore:
    """Of the slots in some texts."""

    f1: float
    precision: float
    recall: float
    exact: float  # share of texts whose slots are all right, and no others found


def score_slots(marked: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]) -> SlotScore:
    """What was `found` in some texts beside what is `marked` there."""
    right = sum(len(set(ours) & set(theirs)) for ours, theirs in zip(found, marked, strict=True))
    are_right = [list(ours) == list(theirs) for ours, theirs in zip(found, marked, strict=True)]
    named, given = sum(map(len, found)), sum(map(len, marked))
    return SlotScore(
        f1=2 * right / max(named + given, 1),
        precision=right / max(named, 1),
        recall=right / max(given, 1),
        exact=sum(are_right) / max(len(are_right), 1),
    )


def score_each_slot(
    marked: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]
) -> dict[str, dict[str, float | int]]:
    """F1 of each slot and how often it is marked, the most frequent first."""
    given = Counter(span.slot for spans in marked for span in spans)
    named = Counter(span.slot for spans in found for span in spans)
    pairs = zip(marked, found, strict=True)
    right = Counter(span.slot for theirs, ours in pairs for span in set(ours) & set(theirs))
    ordered = [slot for slot, _ in given.most_common()] + sorted(named.keys() - given.keys())
    return {
        slot: {"marked": given[slot], "f1": round(2 * right[slot] / (given[slot] + named[slot]), 4)} for slot in ordered
    }
