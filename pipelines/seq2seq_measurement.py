"""How good a network writes answers: how much each unit and character surprises it, and what its answers are like.

A sample of so many held-out pairs comes to the driver, as for the dual encoder.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.dual_encoder_config import REPLY
from models.vocabulary import FIRST_TOKEN_ID, PADDING_ID, Vocabulary
from pipelines.chrf import score_chrf
from pipelines.reply_measurement import HeldOutPairs, measure_distinct
from pipelines.seq2seq import UNITS
from udfs.screening import near_duplicate_key

if TYPE_CHECKING:  # TensorFlow: 4 s that only a training needs
    from models.seq2seq import Seq2seq

_ROWS = 256  # pairs that are read at once
_SYLLABLES = 11_172  # of Hangul: what a character that the units do not know is guessed among


@dataclass(frozen=True)
class Perplexity:
    """Among how many equally probable ones a network chooses, on the average; the end counts as one."""

    per_unit: float
    per_character: float  # of any units: blanks count, and each character of an unknown unit is a blind guess


@dataclass(frozen=True)
class Written:
    """What a network writes to one message."""

    asked: str
    answered: str
    replies: tuple[str, ...]  # best first; empty: none that may be shown
    chosen: tuple[str, ...]  # what the dual encoder's champion chooses, where there is one


@dataclass(frozen=True)
class WritingScore:
    """What the best answers to held-out questions are like."""

    answered: float  # share of questions with an answer that may be shown
    exact: float  # share of all whose answer is the one that was given
    chrf: float  # with the answers that were given, of all questions; no answer is an empty one
    distinct_1: float
    distinct_2: float


def measure_perplexity(network: "Seq2seq", pairs: HeldOutPairs, vocabulary: Vocabulary) -> Perplexity:
    """Of the answers that were given, each unit after the right ones before it."""
    from models.seq2seq import unit_losses

    asked, answered = pairs.asked_inputs[UNITS], pairs.answered_inputs[UNITS]
    loss = units = 0.0
    for start in range(0, len(asked), _ROWS):
        rows = slice(start, start + _ROWS)
        outputs = network({UNITS: asked[rows], REPLY + UNITS: answered[rows]}, training=False)
        losses, is_said = unit_losses(outputs["logits"], outputs["targets"])
        loss, units = loss + float(np.sum(losses)), units + float(np.sum(is_said))
    characters = sum(map(len, pairs.answered))
    unknown = characters - _count_known(answered, vocabulary)
    of_characters = (loss + unknown * math.log(_SYLLABLES)) / (characters + len(answered))
    return Perplexity(math.exp(loss / units), math.exp(of_characters))


def score_written(written: Sequence[Written]) -> WritingScore:
    """Of each question's best answer."""
    best = [one.replies[0] if one.replies else "" for one in written]
    given = [one.answered for one in written]
    same = [near_duplicate_key(ours) == near_duplicate_key(theirs) for ours, theirs in zip(best, given, strict=True)]
    distinct_1, distinct_2 = measure_distinct([text for text in best if text])
    rows = max(len(written), 1)
    return WritingScore(
        answered=sum(map(bool, best)) / rows,
        exact=sum(same) / rows,
        chrf=score_chrf(best, given),
        distinct_1=distinct_1,
        distinct_2=distinct_2,
    )


def score_chosen(written: Sequence[Written]) -> float:
    """chrF of what the dual encoder's champion would choose first, for comparison."""
    return score_chrf([one.chosen[0] if one.chosen else "" for one in written], [one.answered for one in written])


def _count_known(ids: np.ndarray, vocabulary: Vocabulary) -> int:  # type: ignore[type-arg]
    """Characters of all units that are known."""
    lengths = np.array([0] * FIRST_TOKEN_ID + [len(unit) for unit in vocabulary.tokens])
    return int(lengths[ids[ids != PADDING_ID]].sum())
