import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from udfs.normalization import normalize_text

MARKUP = (
    "&amp;|&lt;b&gt;|<b>|</p>|<br/>|&#38;|&nbsp;|&amp;amp;lt;|<|>|&|;|#38;|amp;|https://a.kr/b?c=1|www.|http|://|.com/"
)
SIGNS = "ㅋㅋㅋ|ㅠ|!!!|...|…|가|나다|a|1|ａ|＜ｂ＞|１|ﾡ|😀|👨‍👩‍👧|/"
UNSEEN = ("\u200b", "\u1100\u1161", "\u11a8", "e\u0301", " ", "\u3000", "\n", "\ud800")
noisy_texts = st.one_of(
    st.lists(st.sampled_from([*MARKUP.split("|"), *SIGNS.split("|"), *UNSEEN]), max_size=25).map("".join),
    st.text(st.characters(), max_size=60),
)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        pytest.param("안녕하세요 반가워요", "안녕하세요 반가워요", id="plain text stays"),
        pytest.param("\u1112\u1161\u11ab\u1100\u1173\u11af", "한글", id="NFD is composed"),
        pytest.param("\u1100\u200b\u1161", "가", id="composed after the invisible goes"),
        pytest.param("ﾡﾢﾱ", "ㄱㄲㅁ", id="half-width jamo"),
        pytest.param("Ａ１２３！？（주）～", "A123!?(주)~", id="full-width signs"),
        pytest.param("𝟎𝟏𝟎 𝐇𝐢", "010 Hi", id="styled letters and digits"),
        pytest.param("٣개", "3개", id="digits of another script"),
        pytest.param("배\u200b송\ufeff\u00ad은 \u202e언제\u202c\u2060", "배송은 언제", id="invisible"),
        pytest.param("한\x00글\x07 \x1b[0m", "한 글 [0m", id="control characters are blanks"),
        pytest.param("반\ud83d쪽", "반쪽", id="half a surrogate pair"),
        pytest.param("①번 ❷번", "①번 ❷번", id="numbers in circles stay"),
        pytest.param("“네”라고 ‘꼭’ – 확인", "\"네\"라고 '꼭' - 확인", id="quotes and dashes"),
        pytest.param("월ㆍ화・수•목", "월·화·수·목", id="middle dots"),
        pytest.param("음…", "음..", id="ellipsis"),
        pytest.param("5,000￦", "5,000₩", id="won sign"),
        pytest.param("<p>안<b>녕</b>하세요</p>문의<br>요", "안녕하세요 문의 요", id="tags"),
        pytest.param("<a href='http://a.kr'>여기</a>요", "여기요", id="inline tag with an attribute"),
        pytest.param("<!-- 메모 -->네", "네", id="comment"),
        pytest.param("<아바타> 1 < 2 > 0 <Titanic>", "<아바타> 1 < 2 > 0 <Titanic>", id="brackets stay"),
        pytest.param("A&amp;S &lt;필독&gt; &quot;네&quot;&nbsp;", 'A&S <필독> "네"', id="entities"),
        pytest.param("&amp;amp;lt;b&amp;gt;굵게", "굵게", id="escaped twice"),
        pytest.param("&#54620;&#xAE00;&#39;", "한글'", id="numeric entities"),
        pytest.param("AT&T R&D &foo; ?a=1&lt=2", "AT&T R&D &foo; ?a=1&lt=2", id="not entities"),
        pytest.param("https://a.kr/b?c=1&d=%20에서 봐요.", "[링크]에서 봐요.", id="URL before a particle"),
        pytest.param("(www.naver.com), bit.ly/3xY", "([링크]), [링크]", id="URLs without a scheme"),
        pytest.param("naver.com 1/2", "naver.com 1/2", id="a bare name is no URL"),
        pytest.param("좋아요😀👍🏽반가워 👨‍👩‍👧 ❤️☀️", "좋아요 반가워", id="emoji become a blank"),
        pytest.param("별점 ★★★★☆ ♥", "별점 ★★☆ ♥", id="signs of the keyboard stay"),
        pytest.param("1️⃣번", "1번", id="keycap"),
        pytest.param("ㅋㅋㅋㅋㅋ ㅠㅠㅠ ㅋㅎㅋㅎ ㅇㅇ ㅋ", "ㅋㅋ ㅠㅠ ㅋㅎㅋㅎ ㅇㅇ ㅋ", id="jamo runs"),
        pytest.param("뭐야!!!! 왜????~~~~^^^^", "뭐야!! 왜??~~^^", id="punctuation runs"),
        pytest.param("하하하하 100000 aaaa", "하하하하 100000 aaaa", id="syllables, digits and letters stay"),
        pytest.param("  배송\t\t언제\r\n와요\u3000\u00a0? ", "배송 언제 와요 ?", id="blanks"),
        pytest.param("\u3164", "", id="Hangul filler alone"),
    ],
)
def test_normalizes(raw: str, clean: str) -> None:
    assert normalize_text(raw) == clean


@given(noisy_texts)
def test_is_idempotent(raw: str) -> None:
    clean = normalize_text(raw)
    assert normalize_text(clean) == clean


@given(noisy_texts)
def test_leaves_one_line_in_nfc_that_encodes_as_utf8(raw: str) -> None:
    clean = normalize_text(raw)
    assert unicodedata.is_normalized("NFC", clean)
    assert clean == " ".join(clean.split())
    assert clean.encode().decode() == clean


@pytest.mark.parametrize("code", [0x0, 0x1100, 0x2000, 0xAC00, 0xD800, 0xF900, 0xFE00, 0x1F000, 0xE0000])
def test_is_idempotent_around_every_character_of_a_block(code: int) -> None:
    for character in map(chr, range(code, code + 0x400)):
        clean = normalize_text(f"가{character}나")
        assert normalize_text(clean) == clean


UNITS = (
    "<b ",
    "<<b>",
    "&",
    "&amp;",
    "&#38;",
    "&#9",
    "http://",
    "www.",
    "a.",
    "a-",
    "ㅋ",
    "!?",
    "😀",
    "<!--",
    "\u200b",
)


@pytest.mark.parametrize("unit", UNITS)
def test_100_kb_of_noise_come_back_normal_once_and_for_all(unit: str) -> None:
    normal = normalize_text(unit * (100_000 // len(unit)) + "/")  # a rule with quadratic time takes minutes here
    assert normalize_text(normal) == normal
