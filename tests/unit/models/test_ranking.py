import numpy as np
import pytest

from models.ranking import draw_candidates, score_ranking


def test_candidates_are_the_own_answer_and_others_that_all_differ() -> None:
    answers = [0, 0, 1, 2, 3, 3, 4]
    places = draw_candidates(answers, count=4, seed=1)
    assert places.shape == (7, 4)
    assert places[:, 0].tolist() == list(range(7))
    assert all(len({answers[place] for place in row}) == 4 for row in places)
    assert draw_candidates(answers, count=100, seed=1).shape == (7, 5)
    np.testing.assert_array_equal(places, draw_candidates(answers, count=4, seed=1))


def test_recall_and_mean_reciprocal_rank() -> None:
    scores = np.array([[9, 1, 2, 3], [2, 1, 5, 3], [0, 1, 2, 3], [5, 5, 1, 1]])
    found = score_ranking(scores)
    assert (found.questions, found.candidates) == (4, 4)
    assert (found.recall_at_1, found.recall_at_3) == (0.25, 0.75)  # a tie is no first place
    assert found.mean_reciprocal_rank == pytest.approx((1 + 1 / 3 + 1 / 4 + 1 / 1.5) / 4)
