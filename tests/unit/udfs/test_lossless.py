"""The rules that every analyzer is held to, on analyzers that break them."""

import pytest

from udfs.lossless import loses_nothing, make_lossless


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("주문했어요", ["주문", "했", "어요"]),
        ("주문했어요", ["주문", "하", "았", "어요"]),
        ("그걸 사요", ["그것", "을", "사", "요"]),
        ("더운 날", ["덥", "ㄴ", "날"]),
        ("3번 iPhone ㅋㅋ!!", ["3", "번", "iphone", "ㅋㅋ"]),
        ("", []),
    ],
)
def test_tokens_that_lose_nothing(text: str, tokens: list[str]) -> None:
    assert loses_nothing(text, tokens)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("비싸서", ["비싸", "아"]),
        ("주문 했어요", ["했", "어요", "주문"]),
        ("3번 ㅋㅋ", ["3", "번", "ㅋ"]),
        ("abc 안녕", ["안녕"]),
        ("안녕", []),
    ],
)
def test_tokens_that_lose_a_letter(text: str, tokens: list[str]) -> None:
    assert not loses_nothing(text, tokens)


def test_an_eojeol_that_loses_letters_becomes_its_characters() -> None:
    analyze = make_lossless(lambda text: text.replace("비싸서", "비싸").split())
    assert analyze("너무 비싸서 안 사요") == ["너무", "비", "싸", "서", "안", "사요"]


def test_an_analyzer_that_gives_nothing_is_replaced_by_characters() -> None:
    assert make_lossless(lambda _: [])("환불 해줘") == ["환", "불", "해", "줘"]


def test_an_analyzer_never_sees_placeholders_blanks_or_odd_characters() -> None:
    seen: list[str] = []

    def analyze(text: str) -> list[str]:
        seen.append(text)
        return text.split()

    assert make_lossless(analyze)("[이메일] [전화번호]로\0연락\n줘") == [
        "[이메일]",
        "[전화번호]",
        "로",
        "연락",
        "줘",
    ]
    assert seen == ["로 연락 줘"]
