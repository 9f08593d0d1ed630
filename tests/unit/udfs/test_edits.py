"""What cleaning changed, as edits: each part of a clean text is found in the message that it was made of."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.edits import Edit, find_edits, to_original
from udfs.screening import clean_text

PIECES = (
    *"가 나다ㅋ01",
    "ㅋㅋㅋㅋ",
    "010-1234-5678",
    "hong@naver.com",
    "<b>",
    "&amp;",
    "😀",
    "\u1112\u1161\u11ab",
    "…",
    "０",
    "  ",
)


def originals(message: str) -> list[tuple[str, str]]:
    """Each word of the clean text, and its part of the message in NFC."""
    clean = clean_text(message)
    edits, found, start = find_edits(message, clean), [], 0
    for word in clean.split(" "):
        first, last = to_original(start, start + len(word), edits)
        found.append((word, unicodedata.normalize("NFC", message[first:last])))
        start += len(word) + 1
    return found


def test_a_text_as_it_came_has_no_edits() -> None:
    assert find_edits("내일 아침", "내일 아침") == []
    assert to_original(3, 5, []) == (3, 5)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("제 번호 010-1234-5678이에요", [("제", "제"), ("번호", "번호"), ("[전화번호]이에요", "010-1234-5678이에요")]),
        ("<b>내일</b>  아침ㅋㅋㅋㅋ 😀 보내", [("내일", "내일"), ("아침ㅋㅋ", "아침ㅋㅋㅋㅋ"), ("보내", "보내")]),
        (unicodedata.normalize("NFD", "내일 아침에"), [("내일", "내일"), ("아침에", "아침에")]),
        ("３시…에 봐", [("3시..에", "３시…에"), ("봐", "봐")]),
        ("[전화번호] 말고 h@a.com", [("[전화번호]", "[전화번호]"), ("말고", "말고"), ("[이메일]", "h@a.com")]),
    ],
)  # fmt: skip
def test_a_part_is_found_where_it_was_said(message: str, expected: list[tuple[str, str]]) -> None:
    assert originals(message) == expected


def test_a_part_that_touches_an_edit_takes_in_all_of_it() -> None:
    edits = [Edit(2, 7, 2, 15)]
    assert to_original(0, 2, edits) == (0, 2)
    assert to_original(4, 9, edits) == (2, 17)
    assert to_original(7, 9, edits) == (15, 17)


def test_very_long_texts_are_one_edit() -> None:
    assert find_edits("ㅋ" * 5_000, "가" * 1_000) == [Edit(0, 1_000, 0, 5_000)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_edits_cover_the_message_in_order_and_between_them_the_texts_are_the_same(message: str) -> None:
    clean = clean_text(message)
    edits, done, original_done = find_edits(message, clean), 0, 0
    for edit in [*edits, Edit(len(clean), len(clean), len(message), len(message))]:
        kept, said = clean[done : edit.start], message[original_done : edit.original_start]
        assert len(kept) == len(said)
        assert clean_text(f"가{said}가") == clean_text(f"가{kept}가")
        done, original_done = edit.end, edit.original_end
    assert (done, original_done) == (len(clean), len(message))
