"""Varied messages: each change by itself, and what all of them leave alone."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.augmentation import change_ending, confuse_sounds, drop_eojeol, drop_particle, swap_eojeols, vary
from udfs.lossless import PLACEHOLDER
from udfs.masking import PLACEHOLDERS

PARTS = st.sampled_from(["배송을 ", "언제 ", "해줘", "ㅠㅠ ", "?", *PLACEHOLDERS, " ", "있어"])


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        (confuse_sounds, "계단", {"게단"}),
        (confuse_sounds, "있다", {"잇다"}),
        (confuse_sounds, "ㅋㅋ ok", {"ㅋㅋ ok"}),
        (drop_particle, "음악을 틀어", {"음악 틀어"}),
        (drop_particle, "나는 노래를", {"나는 노래"}),
        (drop_particle, "마을 가", {"마을 가"}),
        (change_ending, "날씨 알려줘", {"날씨 알려줄래요"}),
        (change_ending, "몇 시인가요", {"몇 시야"}),
        (drop_eojeol, "하나 둘 셋", {"둘 셋", "하나 셋", "하나 둘"}),
        (drop_eojeol, "하나 둘", {"하나 둘"}),
        (swap_eojeols, "하나 둘 셋", {"둘 하나 셋", "하나 셋 둘"}),
    ],
)
def test_a_change_gives_one_of_these(
    change: Callable[[str, random.Random], str], text: str, expected: set[str]
) -> None:
    assert {change(text, random.Random(seed)) for seed in range(40)} == expected


@given(st.lists(PARTS, max_size=8).map("".join), st.integers(0, 10**6))
def test_placeholders_stay_whole_and_something_is_left(text: str, seed: int) -> None:
    varied = vary(text, random.Random(seed), changes=3)
    assert set(PLACEHOLDER.findall(varied)) <= set(PLACEHOLDER.findall(text))
    assert varied.count("[") == len(PLACEHOLDER.findall(varied))
    assert bool(varied.strip()) == bool(text.strip())


def test_the_same_draw_gives_the_same_text_and_others_give_many() -> None:
    texts = [vary("내일 아침 일곱 시에 알람을 맞춰줘", random.Random(seed), changes=2) for seed in (1, 1, *range(30))]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 15
