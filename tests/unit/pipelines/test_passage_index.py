"""A bot's passages: what is found, what is an answer, and that a file holds all of it."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.passage_index import (
    Answer,
    PassageTable,
    SearchRules,
    ThresholdRules,
    build_index,
    find_threshold,
    read_index,
    write_index,
)

RULES = SearchRules(("character_ngrams", "jamo_ngrams"), 0.5, 1_000)
ASKED = ["배송은 언제 오나요", "배송비는 얼마예요", "환불해 주세요", "환불 되나요"]
SAID = ["이틀 걸려요.", "3,000원입니다.", "마이페이지에서 신청하세요.", "마이페이지에서 신청하세요."]
TABLE = PassageTable(ASKED, ASKED, SAID, ["a", None, "c", "d"])


def test_a_badly_written_question_is_answered_and_no_answer_comes_twice() -> None:
    index = build_index(TABLE, None, RULES)
    assert index.answer("배송 은언재 오나요", None, count=1) == [
        Answer("이틀 걸려요.", "a", pytest.approx(0.5, abs=0.2))
    ]
    found = index.answer("환불 되나요", None, count=4)
    assert [(one.text, one.source) for one in found[:1]] == [("마이페이지에서 신청하세요.", "d")]
    assert len(found) == len({one.text for one in found}) == 3
    assert replace(index, words_threshold=0.9).answer("배송 은언재 오나요", None, count=1) == []


def test_vectors_find_what_words_do_not() -> None:
    vectors = np.eye(4, dtype=np.float32)
    index = build_index(TABLE, vectors, RULES)
    assert index.answer("택배 요금", vectors[1], count=1) == [
        Answer("3,000원입니다.", None, pytest.approx(0.5, abs=0.05))
    ]
    assert index.rank("배송비는 얼마예요", vectors[1]).scores[0] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("vectors", [None, np.eye(4, dtype=np.float32)])
def test_what_was_written_is_read(vectors: "np.ndarray[tuple[int, int], np.dtype[np.float32]] | None") -> None:
    index = replace(build_index(TABLE, vectors, RULES), threshold=0.1, words_threshold=0.2)
    read = read_index(write_index(index))
    assert (read.threshold, read.words_threshold, read.rules, read.passages) == (0.1, 0.2, RULES, 4)
    for text, vector in (("배송비", None), ("환불", np.ones(4, dtype=np.float32))):
        assert read.answer(text, vector, count=3) == index.answer(text, vector, count=3)


def test_the_threshold_lets_few_questions_through_whose_passage_is_left_out() -> None:
    index = build_index(TABLE, None, RULES)
    rules = ThresholdRules(samples=10, max_wrong_share=0.0, min_score=0.1)
    chosen = find_threshold(index, ASKED, None, rules)
    assert chosen.sampled == 4
    assert 0.1 < chosen.score < 0.5  # two of them are about delivery
    assert chosen.right_share > 0.5
    assert find_threshold(index, ASKED, None, replace(rules, min_score=0.8)).score == 0.8
    assert find_threshold(index, ASKED, None, rules) == chosen
