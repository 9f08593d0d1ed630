"""Units that give the text back: Korean comes out as it went in, blanks and all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.analyzers import tokenize
from udfs.spaced_units import join_units, mark_blanks

ANALYZERS = ("spaced_characters", "spaced_morphemes")
PIECES = st.sampled_from([*"가나닭뷁ㅋㅠ는이요 ?!~./abc019😀[]", "[전화번호]", " 밥 "])
CHATS = st.lists(PIECES, max_size=30).map("".join)


@pytest.mark.parametrize(
    ("analyzer", "units"),
    [
        ("spaced_characters", [*"밥▁먹었니▁?▁", "[전화번호]", *"로"]),
        ("spaced_morphemes", ["밥", "▁먹", "었", "니", "▁?", "▁[전화번호]", "로"]),
    ],
)
def test_units_of_a_text(analyzer: str, units: list[str]) -> None:
    text = "밥 먹었니 ? [전화번호]로"
    assert tokenize([text, ""], analyzer) == [units, []]
    assert join_units(units) == text


@pytest.mark.parametrize("analyzer", ANALYZERS)
@settings(max_examples=200, deadline=None)
@given(text=CHATS)
def test_units_joined_are_the_text(analyzer: str, text: str) -> None:
    assert join_units(tokenize([text], analyzer)[0]) == " ".join(text.split())


def test_equal_tokens_are_marked_where_they_stand() -> None:
    assert mark_blanks("가 가가 가", ["가", "가", "가", "가"]) == ["가", "▁가", "가", "▁가"]
