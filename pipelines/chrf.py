"""chrF: how alike two texts are by their runs of characters, blanks left out.

Popović (2015), "chrF: character n-gram F-score for automatic MT evaluation"; runs of 1 to 6 characters, recall counting
twice as much as precision (chrF2), counts summed over all texts before precision and recall are taken.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

MAX_RUN = 6
_BETA = 2.0


def score_chrf(written: Sequence[str], expected: Sequence[str]) -> float:
    """From 0 to 1, over all texts; a length of runs that neither side has is left out.

    >>> score_chrf(["밥 먹자"], ["밥 먹자"])
    1.0
    """
    counts = np.zeros((MAX_RUN, 3))  # runs in common, written, expected
    for ours, theirs in zip(written, expected, strict=True):
        for length in range(1, MAX_RUN + 1):
            found, wanted = _count_runs(ours, length), _count_runs(theirs, length)
            counts[length - 1] += (found & wanted).total(), found.total(), wanted.total()
    counts = counts[counts[:, 1:].any(axis=1)]
    if not len(counts):
        return 0.0
    precision, recall = (float(np.mean(counts[:, 0] / np.maximum(counts[:, side], 1))) for side in (1, 2))
    below = _BETA**2 * precision + recall
    return (1 + _BETA**2) * precision * recall / below if below else 0.0


def _count_runs(text: str, length: int) -> Counter[str]:
    run = "".join(text.split())
    return Counter(run[start : start + length] for start in range(len(run) - length + 1))
