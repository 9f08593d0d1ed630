"""Out-of-scope detection: a score of how far a message is within what a network has learned, and its threshold.

The score is the probability of the best class, after Hendrycks and Gimpel (2017), "A Baseline for Detecting
Misclassified and Out-of-Distribution Examples in Neural Networks", times the fourth root of the share of the message's
tokens that the network has met in training. `benchmarks/out_of_scope.py` measures it beside others. NumPy alone.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.calibration import Batches, sum_rows
from models.vocabulary import FIRST_TOKEN_ID, PADDING_ID

if TYPE_CHECKING:  # TensorFlow: 4 s
    from models.collective import Ranks

Ids = Mapping[str, npt.NDArray[np.int32]]
Floats = npt.NDArray[np.float32]

_KNOWN_WEIGHT = 0.25  # far messages need it, near ones are told better without: a little does both
_STEPS = 10_000  # thresholds that are tried between 0 and 1


def score_scope(ids: Ids, confidence: Floats) -> npt.NDArray[np.float64]:
    """Each row's score, 0 to 1, from its input ids and its best class's probability: the lower, the further out."""
    return weigh_confidence(confidence, known_share(ids))


def weigh_confidence(confidence: Floats, known: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Each row's score from its best class's probability and its share of known tokens."""
    return np.asarray(confidence * known**_KNOWN_WEIGHT, dtype=np.float64).round(6)  # alone as among others


def known_share(ids: Ids) -> npt.NDArray[np.float64]:
    """The share of each row's tokens that are known, the mean of its inputs; 0 of an input without a token."""
    found: npt.NDArray[np.float64] = np.mean([_share(tokens) for tokens in ids.values()], axis=0)
    return found


def find_threshold(confide: Callable[[Ids], Floats], batches: Batches, ranks: "Ranks", *, share: float) -> float:
    """The highest threshold that keeps `share` of the labelled rows of all ranks, equal on all of them.

    `confide` gives the best class's probability. One pass over the rows; without a row it is 0, which keeps all.
    """
    counts = sum_rows(batches, ranks, lambda ids, _labels: _count(score_scope(ids, confide(ids))), (_STEPS + 1,))
    kept = np.cumsum(counts[::-1])[::-1]  # rows whose score is at least i / _STEPS
    return float(np.flatnonzero(kept >= share * kept[0])[-1] / _STEPS) if kept[0] else 0.0


def _share(tokens: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    count = (tokens != PADDING_ID).sum(axis=1)
    shares: npt.NDArray[np.float64] = (tokens >= FIRST_TOKEN_ID).sum(axis=1) / np.maximum(count, 1)
    return shares


def _count(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scores by the highest threshold that they reach: (_STEPS + 1,)."""
    return np.bincount((scores * _STEPS + 1e-6).astype(int), minlength=_STEPS + 1).astype(np.float64)
