"""BM25 as a share: what holds all words scores about 1, what holds none 0."""

import math

import numpy as np
import pytest

from models.word_index import build_word_index

PASSAGES = [["배송", "언제"], ["환불", "언제"], ["환불", "계좌"], ["영업", "시간"]]


def test_the_passage_that_holds_the_words_scores_best() -> None:
    index = build_word_index(PASSAGES, max_passages=9)
    np.testing.assert_allclose(index.score(["배송", "언제"]), [1.0, index.score(["배송", "언제"])[1], 0, 0], atol=1e-6)
    rare, common = math.log1p(3.5 / 1.5), math.log1p(2.5 / 2.5)
    assert index.score(["배송", "언제", "언제"])[1] == pytest.approx(common / (rare + common))
    assert index.score(["배송", "낱말"])[0] == pytest.approx(0.5)  # what no passage has is as rare as what one has


def test_what_most_passages_hold_weighs_nothing() -> None:
    index = build_word_index(PASSAGES, max_passages=1)
    assert index.score(["배송", "언제"]).tolist()[1:] == [0, 0, 0]
    assert index.score(["언제"]).tolist() == [0, 0, 0, 0]
    assert index.score([]).tolist() == [0, 0, 0, 0]
    assert index.score(["모름"]).tolist() == [0, 0, 0, 0]
