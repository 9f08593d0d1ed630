"""Vectors of tokens: near for what means alike, equal in every process, none for what Kiwi does not know."""

import json
import subprocess
import sys

import numpy as np
import pytest
from kiwipiepy import Kiwi

from udfs.morpheme_vectors import MAX_SIZE, find_vectors, list_words


def cosine(first: str, second: str) -> float:
    a, b = (np.array(vector) for vector in find_vectors([first, second], 128))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize(
    ("word", "near", "far"),
    [
        ("알람/NNG", "모닝콜/NNG", "이메일/NNG"),
        ("깨워줘/VV+EC+VX+EF", "일어나/VV", "주문/NNG"),
        ("환불/NNG", "반품/NNG", "날씨/NNG"),
    ],
)
def test_what_means_alike_is_near(word: str, near: str, far: str) -> None:
    assert cosine(word, near) > cosine(word, far) + 0.1


def test_distances_are_those_of_the_language_model() -> None:
    kiwi, words = Kiwi(), ["환불", "반품", "날씨", "음악", "내일", "예약", "라디오", "구름"]
    cosines = np.array([[kiwi.morpheme_similarity((a, "NNG"), (b, "NNG")) for b in words] for a in words])
    ours = np.array(find_vectors(words, MAX_SIZE))
    squares = ((ours[:, None] - ours[None]) ** 2).sum(axis=-1)
    np.testing.assert_allclose(squares, 2 - 2 * cosines, atol=0.02)


def test_a_tag_says_nothing_and_a_slash_is_a_token() -> None:
    assert find_vectors(["주문/NNG"], 8) == find_vectors(["주문"], 8)
    assert len(find_vectors(["/", "//SY", ""], 8)) == 3


def test_a_token_that_no_dictionary_has_gets_none() -> None:
    assert find_vectors(["뷁/NNG"], 8) == [None]


def test_another_process_finds_the_same() -> None:
    script = "from udfs.morpheme_vectors import find_vectors; print(find_vectors(['환불/NNG'], 4)[0])"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose(json.loads(said), find_vectors(["환불/NNG"], 4)[0], atol=1e-6)


@pytest.mark.parametrize("size", [0, MAX_SIZE + 1])
def test_a_size_that_the_model_has_not_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=r"vectors\.size: expected 1 to 256"):
        find_vectors(["주문"], size)


def test_words_are_the_analyzers_tokens_the_frequent_ones_first() -> None:
    words = list_words(2_000, "mecab_ko")
    assert 1_000 < len(words) == len(set(words))
    assert "사람/NNG" in words[:30]
    assert words[:500] == list_words(1_000, "mecab_ko")[:500]
