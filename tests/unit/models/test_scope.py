"""What is in scope: the score of a row, and the threshold that keeps a share of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models.collective import Ranks
from models.scope import find_threshold, score_scope

Batch = tuple[Mapping[str, npt.NDArray[Any]], npt.NDArray[np.int32]]


def test_a_score_is_the_confidence_times_the_fourth_root_of_the_mean_share_of_known_tokens() -> None:
    ids = {
        "words": np.array([[5, 6, 0, 0], [5, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]], np.int32),
        "letters": np.array([[9, 9], [9, 1], [1, 1], [0, 0]], np.int32),
    }
    confidence = np.array([0.8, 0.8, 0.8, 0.8], np.float32)
    np.testing.assert_allclose(score_scope(ids, confidence), [0.8, 0.8 * ((0.25 + 0.5) / 2) ** 0.25, 0, 0], atol=1e-6)


def make_batch(confidences: npt.ArrayLike, label: int = 0) -> Batch:
    """Rows of one known token, which says their confidence: so it is their score."""
    tokens = 7 + np.round(np.asarray(confidences) * 20).astype(np.int32)
    return {"words": tokens[:, None]}, np.full(len(tokens), label, np.int32)


def find(batches: list[Batch], share: float) -> float:
    def confide(ids: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        return ((ids["words"][:, 0] - 7) / 20).astype(np.float32)

    return find_threshold(confide, lambda: iter(batches), Ranks(), share=share)


@pytest.mark.parametrize(("share", "threshold"), [(1.0, 0.05), (0.95, 0.1), (0.9, 0.15), (0.5, 0.55), (0.94, 0.1)])
def test_the_threshold_is_the_highest_that_keeps_the_share(share: float, threshold: float) -> None:
    scores = np.arange(1, 21) / 20
    batches = [make_batch(scores[:3]), make_batch([0.0] * 9, label=-1), make_batch(scores[3:])]
    assert find(batches, share) == threshold
    assert np.mean(scores.round(6) >= threshold) >= share


def test_rows_that_are_all_certain_are_kept() -> None:
    assert find([make_batch([1.0] * 5)], 0.95) == 1.0


def test_without_rows_everything_is_in_scope() -> None:
    assert find([make_batch([])], 0.95) == find([], 0.95) == 0.0
