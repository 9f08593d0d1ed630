import html
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.edits import Edit
from udfs.masking import PLACEHOLDERS
from udfs.normalization import LINK
from udfs.screening import (
    CleanedText,
    ScreeningConfig,
    clean_and_screen,
    clean_text,
    near_duplicate_key,
    rejection_reason,
)

CONFIG = ScreeningConfig()
PIECES = (
    "&lt;b&gt;|<b>|&amp;|&#48;|＜ｂ＞|https://a.kr/|😀|ㅋㅋㅋ|010-|1234|5678|０１０|공일공|일이삼사"
    "|hong@|naver.com|서울 |테헤란로 |12|가나"
)
SIGNS = (" ", "-", ".", "\u200b", "\u1100\u1161", "\n", "!!!", "[", "]", "<", ">", "&", ";")
messages = st.one_of(
    st.lists(st.sampled_from([*PIECES.split("|"), *SIGNS]), max_size=25).map("".join),
    st.text(st.characters(exclude_categories=[]), max_size=60),
)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("<p>０１０－１２３４－５６７８로&nbsp;연락주세요!!!!</p>", "[전화번호]로 연락주세요!!"),
        ("010\u200b1234\u200b5678 ㅋㅋㅋㅋ", "[전화번호] ㅋㅋ"),
        ("010😀1234😀5678", "[전화번호]"),
        ("&#48;10-1234-5678", "[전화번호]"),
        ("메일 ｈｏｎｇ＠ｎａｖｅｒ．ｃｏｍ 이랑 https://a.kr/?tel=01012345678", "메일 [이메일] 이랑 [링크]"),
        ("5만원짜리 2개 주세요~", "5만원짜리 2개 주세요~"),
    ],
)
def test_cleans(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


@given(messages)
def test_cleaning_is_idempotent(raw: str) -> None:
    clean = clean_text(raw)
    assert clean_text(clean) == clean


@given(messages)
def test_clean_text_is_in_nfc(raw: str) -> None:
    assert unicodedata.is_normalized("NFC", clean_text(raw))


@given(messages)
def test_cleaning_invents_no_hangul_outside_placeholders(raw: str) -> None:
    said = clean_text(raw)
    for placeholder in (*PLACEHOLDERS, LINK):
        said = said.replace(placeholder, "")
    for _ in range(3):
        raw = html.unescape(raw)
    assert set(re.findall("[가-힣]", said)) <= set(unicodedata.normalize("NFC", drop_invisible(raw)))


def drop_invisible(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Cs", "Mn"} and c != "\u1160")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("배송 언제 와요?", None),
        ("ㅇㅇ", None),
        ("iPhone 15 재고요", None),
        ("[전화번호]로 연락 주세요", None),
        ("", "too_short"),
        ("네", "too_short"),
        ("ㅋ", "too_short"),
        ("가" * 1000, None),
        ("가" * 1001, "too_long"),
        ("where is my order", "not_korean"),
        ("配送はいつですか", "not_korean"),
        ("12345", "not_korean"),
        ("??!!", "not_korean"),
        ("홍길동님이 들어왔습니다.", "system_message"),
        ("사진", "system_message"),
        ("사진 3장", "system_message"),
        ("사진이 안 보여요", None),
        ("삭제된 메시지입니다.", "system_message"),
        ("[자동응답] 지금은 상담 시간이 아닙니다", "system_message"),
        ("[전화번호]", "pii_only"),
        ("[주소], [전화번호]!!", "pii_only"),
        ("[링크]", "pii_only"),
    ],
)
def test_gives_the_reason_to_leave_a_text_out(text: str, reason: str | None) -> None:
    assert rejection_reason(text, CONFIG) == reason


@pytest.mark.parametrize(
    ("config", "text", "reason"),
    [
        (replace(CONFIG, min_chars=1), "네", None),
        (replace(CONFIG, max_chars=5), "배송 언제요", "too_long"),
        (replace(CONFIG, min_hangul_ratio=0.5), "iPhone 재고", "not_korean"),
        (replace(CONFIG, system_messages=["(알림)*입니다"]), "(알림) 휴무입니다", "system_message"),
        (replace(CONFIG, system_messages=["(알림)*입니다"]), "(알림) 휴무입니다만", None),
        (replace(CONFIG, system_messages=[]), "사진", None),
    ],
)
def test_follows_its_settings(config: ScreeningConfig, text: str, reason: str | None) -> None:
    assert rejection_reason(text, config) == reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("배송 언제 와요?", "배송언제와요"),
        ("배송 언제 와요ㅠㅠ", "배송 언제 와요ㅋㅋㅋ!!"),
        ("와아아아 좋아요", "와아 좋아요~"),
        ("iPhone 재고", "IPHONE 재고."),
        ("[전화번호]로요", "[전화번호] 로요"),
    ],
)
def test_near_duplicates_share_a_key(one: str, other: str) -> None:
    assert near_duplicate_key(one) == near_duplicate_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("10개 주세요", "100개 주세요"), ("배송 언제 와요", "배송 언제 가요"), ("ㅋㅋ", "ㅠㅠ"), ("!!", "??")],
)
def test_different_texts_have_different_keys(one: str, other: str) -> None:
    assert near_duplicate_key(one) != near_duplicate_key(other)


def test_does_all_text_work_for_a_message() -> None:
    assert clean_and_screen("010-1234-5678이랑 hong@naver.com이요ㅋㅋㅋㅋ", CONFIG) == CleanedText(
        text="[전화번호]이랑 [이메일]이요ㅋㅋ", key="전화번호이랑이메일이요", reason=None, masks=2,
        edits=[Edit(0, 6, 0, 13), Edit(9, 14, 16, 30), Edit(16, 16, 32, 34)],
    )  # fmt: skip
    assert clean_and_screen("\u200b", CONFIG) == CleanedText(
        text="", key="", reason="too_short", masks=0, edits=[Edit(0, 0, 0, 1)]
    )


def test_reads_the_head_only_of_an_endless_message() -> None:
    cleaned = clean_and_screen("제 번호는 010-1234-5678 " * 50_000, CONFIG)
    assert cleaned.reason == "too_long"
    assert cleaned.text.startswith("제 번호는 [전화번호] 제 번호는 [전화번호]")
    assert len(cleaned.text) <= CONFIG.max_chars
    assert not re.search(r"\d", cleaned.text)


@pytest.mark.parametrize("unit", ["1", "가 ", "<b>", "0 ", "[", "https://", "a@"])
def test_1_mb_is_too_long_before_any_rule_reads_it(unit: str) -> None:
    assert clean_and_screen(unit * (1_000_000 // len(unit)), CONFIG).reason == "too_long"
