"""A chain over tags, beside all its paths written out."""

import itertools

import numpy as np
import pytest

from models.crf import are_best, path_losses
from models.viterbi import find_best_paths

ROWS, LENGTH, TAGS = 6, 4, 3
LENGTHS = np.array([4, 3, 1, 2, 4, 4])
Path = tuple[int, ...]


@pytest.fixture(scope="module")
def chain() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Emissions, transitions and tags."""
    source = np.random.default_rng(0)
    emissions, transitions = source.normal(size=(ROWS, LENGTH, TAGS)), source.normal(size=(TAGS + 1, TAGS))
    tags = source.integers(0, TAGS, (ROWS, LENGTH)).astype(np.int32)
    return emissions.astype(np.float32), transitions.astype(np.float32), tags


def score_all(emissions: np.ndarray, transitions: np.ndarray) -> dict[Path, float]:
    """Of one row."""
    return {
        path: sum(emissions[i, tag] + transitions[path[i - 1] + 1 if i else 0, tag] for i, tag in enumerate(path))
        for path in itertools.product(range(TAGS), repeat=len(emissions))
    }


def test_the_loss_is_that_of_the_path_among_all_paths(chain: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    emissions, transitions, tags = chain
    losses = path_losses(emissions, transitions, tags, np.arange(LENGTH) < LENGTHS[:, None])
    for row, length in enumerate(LENGTHS):
        scores = score_all(emissions[row, :length], transitions)
        expected = np.log(sum(np.exp(score) for score in scores.values())) - scores[tuple(tags[row, :length])]
        assert float(losses[row]) == pytest.approx(expected, abs=1e-4)


def test_the_best_path_is_found_alone_and_among_others(chain: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    emissions, transitions, tags = chain
    found = find_best_paths(emissions, transitions, LENGTHS)
    is_unit = np.arange(LENGTH) < LENGTHS[:, None]
    for row, length in enumerate(LENGTHS):
        scores = score_all(emissions[row, :length], transitions)
        assert tuple(found[row, :length]) == max(scores, key=lambda path: scores[path])
        alone = find_best_paths(emissions[row : row + 1, :length], transitions, LENGTHS[row : row + 1])
        np.testing.assert_array_equal(alone[0], found[row, :length])
    assert are_best(emissions, transitions, found.astype(np.int32), is_unit).numpy().all()
    are_same = np.where(is_unit, found == tags, True).all(axis=1)  # numpy's
    np.testing.assert_array_equal(are_best(emissions, transitions, tags, is_unit), are_same)
