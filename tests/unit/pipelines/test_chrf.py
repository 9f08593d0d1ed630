"""chrF, by hand and at its ends."""

import pytest

from pipelines.chrf import score_chrf


def test_equal_texts_score_1_and_different_ones_0() -> None:
    assert score_chrf(["오늘 어때요"], ["오늘 어때요"]) == 1.0
    assert score_chrf(["가나다"], ["라마바"]) == 0.0
    assert score_chrf([""], [""]) == 0.0


def test_blanks_do_not_count() -> None:
    assert score_chrf(["오늘어때요"], ["오늘 어때 요"]) == 1.0


def test_recall_counts_twice_as_much_as_precision() -> None:
    # runs of 1: 2 of 2 written, 2 of 4 expected; of 2: 1 of 1, 1 of 3; of 3 and 4: none written, 0 of 2 and of 1
    precision, recall = (1 + 1 + 0 + 0) / 4, (2 / 4 + 1 / 3 + 0 + 0) / 4
    expected = 5 * precision * recall / (4 * precision + recall)
    assert score_chrf(["가나"], ["가나다라"]) == pytest.approx(expected)


def test_counts_are_summed_over_texts_before_they_are_divided() -> None:
    together = score_chrf(["가나다", "마"], ["가나다", "바사아"])
    assert together != pytest.approx((score_chrf(["가나다"], ["가나다"]) + score_chrf(["마"], ["바사아"])) / 2)
    # of 1: 3 of 4 and 3 of 6; of 2: 2 of 2 and 2 of 4; of 3: 1 of 1 and 1 of 2
    precision, recall = (3 / 4 + 1 + 1) / 3, (3 / 6 + 2 / 4 + 1 / 2) / 3
    assert together == pytest.approx(5 * precision * recall / (4 * precision + recall))
