"""How well answers are ranked: the right one among others that were given to other questions.

One of 100, as Henderson et al. (2017) and others count it. Plain numpy, so that a network and a lexical yardstick
meet the same candidates and the same arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Candidates = npt.NDArray[np.intp]


@dataclass(frozen=True)
class RankingScore:
    """Shares of questions, and a mean over them."""

    questions: int
    candidates: int  # a question, the right answer among them
    recall_at_1: float  # the right answer has the best score
    recall_at_3: float
    mean_reciprocal_rank: float


def draw_candidates(answers: Sequence[int], *, count: int, seed: int) -> Candidates:
    """For each row its own place and those of other rows: (rows, count), their answers all different.

    `answers` are equal for equal answers. With fewer than `count` different ones, a row gets as many as there are.
    """
    source = np.random.default_rng(seed)
    values = np.asarray(answers)
    distinct = len(np.unique(values))
    rows = []
    for own, answer in enumerate(values):
        order = source.permutation(len(values))
        order = np.concatenate([[own], order[values[order] != answer]])
        _, firsts = np.unique(values[order], return_index=True)
        rows.append(order[np.sort(firsts)[: min(count, distinct)]])
    return np.stack(rows)


def score_ranking(scores: npt.NDArray[Any]) -> RankingScore:
    """Of scores (questions, candidates) whose first column is the right answer's; a tie counts half of each place."""
    right, others = scores[:, :1], scores[:, 1:]
    ranks = 1 + (others > right).sum(axis=1) + (others == right).sum(axis=1) / 2
    recalls = [float((ranks <= k).mean()) for k in (1, 3)]
    return RankingScore(len(scores), scores.shape[1], recalls[0], recalls[1], float((1 / ranks).mean()))
