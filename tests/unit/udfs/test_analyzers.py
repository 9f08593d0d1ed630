"""Analyzers without a JVM: their tokens, their placeholders, and that they lose nothing."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.analyzers import ANALYZERS, tokenize
from udfs.lossless import loses_nothing
from udfs.masking import PLACEHOLDERS

TEXTS = ["어제 주문했어요 ㅠㅠ", "[전화번호]로 전화주세요", ""]
WITHOUT_JVM = ("mecab", "kiwi", "mecab_ko", "characters", "character_ngrams", "jamo_ngrams")

SYLLABLES = st.characters(min_codepoint=ord("가"), max_codepoint=ord("힣"))
CHATS = st.text(SYLLABLES | st.sampled_from("는이가요다하고 해ㅋㅠ ?!~.[]/abc019😀") | st.characters(), max_size=60)


@pytest.mark.parametrize(
    ("analyzer", "expected"),
    [
        (
            "mecab_ko",
            [
                ["어제/MAG", "주문/NNG", "했/XSV+EP", "어요/EF", "ㅠㅠ/UNKNOWN"],
                ["[전화번호]", "로/JKB", "전화/NNG", "주세요/NNP"],
                [],
            ],
        ),
        ("mecab", [["어제", "주문", "했", "어요", "ㅠㅠ"], ["[전화번호]", "로", "전화", "주세요"], []]),
        (
            "kiwi",
            [["어제", "주문", "하", "었", "어요", "ㅠㅠ"], ["[전화번호]", "로", "전화", "주", "세요"], []],
        ),
        (
            "characters",
            [[*"어제주문했어요ㅠㅠ"], ["[전화번호]", *"로전화주세요"], []],
        ),
    ],
)
def test_tokens_of_an_analyzer(analyzer: str, expected: list[list[str]]) -> None:
    assert tokenize(TEXTS, analyzer) == expected


def test_jamo_ngrams_stay_in_their_eojeol() -> None:
    assert tokenize(["또 왔ㅋ [이메일]로"], "jamo_ngrams") == [
        [
            *("^ㄸㅗ", "ㄸㅗ$", "^ㅇㅘ", "ㅇㅘㅆ", "ㅘㅆㅋ", "ㅆㅋ$"),
            *("^ㄸㅗ$", "^ㅇㅘㅆ", "ㅇㅘㅆㅋ", "ㅘㅆㅋ$"),
            *("^ㅇㅘㅆㅋ", "ㅇㅘㅆㅋ$"),
            "^ㅇㅘㅆㅋ$",
            "[이메일]",
            *("^ㄹㅗ", "ㄹㅗ$", "^ㄹㅗ$"),
        ]
    ]


def test_character_ngrams_cross_blanks_but_no_placeholder() -> None:
    assert tokenize(["또 와요 [이메일]로"], "character_ngrams") == [
        [
            *(
                "^",
                "또",
                "와",
                "요",
                "$",
                "^또",
                "또와",
                "와요",
                "요$",
                "^또와",
                "또와요",
                "와요$",
                "^또와요",
                "또와요$",
            ),
            "[이메일]",
            *("^", "로", "$", "^로", "로$", "^로$"),
        ]
    ]


@pytest.mark.parametrize("analyzer", WITHOUT_JVM)
def test_every_placeholder_is_one_token(analyzer: str) -> None:
    texts = [f"제 정보는{placeholder}입니다" for placeholder in PLACEHOLDERS]
    tokens = tokenize(texts, analyzer)
    assert [[t for t in row if "[" in t] for row in tokens] == [[p] for p in PLACEHOLDERS]


@pytest.mark.parametrize("text", ["", " ", "\n", "\0", "\ud83d", "　", "‍"])
@pytest.mark.parametrize("analyzer", WITHOUT_JVM)
def test_nothing_gives_no_tokens(analyzer: str, text: str) -> None:
    assert tokenize([text], analyzer) == [[]]


@pytest.mark.parametrize("analyzer", WITHOUT_JVM)
def test_line_breaks_and_odd_characters_are_blanks(analyzer: str) -> None:
    assert tokenize(["환불\n해\0주세요\ud83d"], analyzer) == tokenize(["환불 해 주세요 "], analyzer)


@pytest.mark.parametrize("analyzer", WITHOUT_JVM)
@settings(max_examples=100, deadline=None)
@given(text=CHATS)
def test_no_hangul_is_lost(analyzer: str, text: str) -> None:
    (tokens,) = tokenize([text], analyzer)
    seen = "".join(c if c.isprintable() else " " for c in text)
    assert loses_nothing(seen, tokens)
    assert all(token and not token.isspace() for token in tokens)


@pytest.mark.parametrize("analyzer", ["mecab", "mecab_ko", "characters"])
@settings(max_examples=100, deadline=None)
@given(text=CHATS)
def test_morphemes_as_they_stand_joined_are_the_text_without_blanks(analyzer: str, text: str) -> None:
    (tokens,) = tokenize([text], analyzer)
    assert _join(tokens) == "".join(c for c in text if c.isprintable() and c != " ")


@pytest.mark.parametrize("analyzer", ["mecab", "kiwi", "mecab_ko", "characters"])
def test_a_very_long_text_is_tokenized_to_its_end(analyzer: str) -> None:
    (tokens,) = tokenize(["주문한물건이언제오나요" * 1000], analyzer)
    assert _join(tokens).endswith("요")
    assert loses_nothing("주문한물건이언제오나요" * 1000, tokens)


def test_an_unknown_analyzer_is_refused_with_the_nearest_name() -> None:
    names = ", ".join(ANALYZERS)
    with pytest.raises(ValueError, match="did you mean") as error:
        tokenize(["안녕"], "mecabko")
    assert str(error.value) == f"analyzer: expected one of {names}; received mecabko; did you mean mecab_ko?"


def test_konlpy_is_not_imported_unless_one_of_its_analyzers_is_named() -> None:
    program = (
        "import sys; from udfs.analyzers import tokenize;"
        "[tokenize(['안녕'], name) for name in ('mecab_ko', 'characters', 'character_ngrams')];"
        "sys.exit('konlpy' in sys.modules or 'jpype' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def _join(tokens: list[str]) -> str:
    """The tokens' text, without the tags that mecab_ko gives them."""
    return "".join(re.sub(r"(?<=.)/[A-Z+]+$", "", token, flags=re.DOTALL) for token in tokens)
