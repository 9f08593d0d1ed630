"""Answers as people are shown them."""

import pytest

from udfs.answers import clean_answer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" 첫째\t줄 \r\n\n\n\n둘째!!!! ", "첫째 줄\n\n둘째!!!!"),
        ("자세히: https://shop.example/a?b=1", "자세히: https://shop.example/a?b=1"),
        ("담당 010-1234-5678, 고객센터 1588-1234", "담당 [전화번호], 고객센터 1588-1234"),
        ("\u200b\ufeff가\u00a0나\x00", "가 나"),
    ],
)
def test_lines_and_links_stay_and_only_the_companys_own_numbers(text: str, shown: str) -> None:
    assert clean_answer(text, own=["1588-1234"]) == shown
    assert clean_answer(shown, own=["1588-1234"]) == shown
