"""How a raw message becomes plain text: one Unicode form, one line, no mark-up, no endless runs.

Most messages need nothing but a look: a guard stands before each rule, because this runs on every message.
"""

import html
import re
import unicodedata

LINK = "[링크]"

# Typed from a Korean keyboard (KS X 1001): they stay, as punctuation does.
_KEYBOARD_SYMBOLS = frozenset("☆★☎☏☜☞♀♂♠♡♣♤♥♧♨♩♪♬♭")
_EMOJI_RANGES = ((0x2600, 0x2775), (0x2794, 0x27BF), (0x2B05, 0x2BFF), (0x1F000, 0x1F0FF), (0x1F170, 0x1FAFF))
_SINGLE_FOLDS = {
    **dict.fromkeys(map(ord, "‐‑‒–—―−﹣"), "-"),
    **dict.fromkeys(map(ord, "‘’‚‛′"), "'"),
    **dict.fromkeys(map(ord, "“”„‟″"), '"'),
    **dict.fromkeys(map(ord, "ㆍ・･•‧∙⋅"), "·"),  # all of them are typed as the middle dot
    **dict.fromkeys(map(ord, "〜∼˜"), "~"),
    **dict.fromkeys(map(ord, "\u3164\uffa0\u2800"), " "),  # Hangul fillers and the blank Braille cell
    **dict.fromkeys((0x115F, 0x1160, 0x034F, 0x20E3), None),
    ord("…"): "...",
    ord("￦"): "₩",
}
_DROPPED_CATEGORIES = frozenset({"Cf", "Cs"})  # zero-width and bidi marks, BOM, soft hyphen; half surrogates
_BLANK_CATEGORIES = frozenset({"Cc", "Co", "Zs", "Zl", "Zp"})
_SAME_CHARACTER = ("<wide>", "<narrow>", "<font>")  # decompositions that change the shape only

_UNUSUAL = re.compile(r"[^ -~가-힣ㄱ-ㅎㅏ-ㅣ]")
_INLINE = "a|abbr|b|big|code|del|em|font|i|ins|mark|q|s|small|span|strike|strong|sub|sup|tt|u"
_BLOCK = (
    "article|aside|audio|blockquote|body|br|button|center|dd|div|dl|dt|figure|footer|form|h[1-6]|head|header|hr"
    "|html|iframe|img|input|label|li|link|main|meta|nav|ol|option|p|pre|script|section|select|source|style|svg"
    "|table|tbody|td|textarea|tfoot|th|thead|title|tr|ul|video"
)
# `[^<>]*` stops at the next bracket, so the search stays linear.
_TAG = re.compile(rf"</?(?:(?P<inline>{_INLINE})|{_BLOCK})(?:[\s/][^<>]*)?>|<!--[^<>]*-->", re.IGNORECASE)
# Lengths are bounded: `html.unescape` raises on a number of more than 4,300 digits.
_ENTITY = re.compile(
    r"&(?:amp;)+|&#[0-9]{1,7}(?:;|(?![0-9]))|&#[xX][0-9a-fA-F]{1,6}(?:;|(?![0-9a-fA-F]))"
    r"|&[a-zA-Z][a-zA-Z0-9]{1,31};|&(?:nbsp|lt|gt|amp|quot)(?![a-zA-Z0-9=])"
)
_MARKUP_PASSES = 4
_URL_TAIL = r"[!#-;=?-Z\\^-~]*[0-9A-Za-z/=_&#%+-]"
_URL = re.compile(
    rf"(?:https?://|ftp://|www\.){_URL_TAIL}"
    r"|(?<![0-9A-Za-z.@-])[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
    rf"\.(?:com|net|org|kr|io|me|ly|gl|be|to|gg|tv|shop|store)/{_URL_TAIL}",
    re.IGNORECASE,
)
_RUN = re.compile(r"([^0-9A-Za-z가-힣 ])\1\1+")


def normalize_text(text: str) -> str:
    """The text in NFC and on one line, without noise; idempotent, linear in the length of the text.

    Full-width, half-width and styled characters become their plain form, as do dashes, quotes and middle
    dots; invisible characters go; every kind of blank becomes one blank. HTML tags and entities are resolved,
    however often they were escaped. A URL becomes `[링크]`, so that a particle after it still has its noun.
    Emoji become a blank: analyzers do not know them, what they say stands in ㅋㅋ and ㅠㅠ as well, and a
    placeholder would outnumber the words. Runs of three and more of one jamo or symbol become two: ㅋㅋㅋㅋ
    and ㅋㅋㅋ are one token then, ㅋ and ㅋㅋ stay apart.

    >>> normalize_text("배송&amp;nbsp;언제 와요ㅠㅠㅠㅠ !!!! 😀")
    '배송 언제 와요ㅠㅠ !!'
    """
    text = _resolve_markup(text)
    if "/" in text or "www." in text:
        text = _URL.sub(LINK, text)
    text = _RUN.sub(r"\1\1", text)
    if "  " in text:
        text = " ".join(text.split())
    return text.strip(" ")


def _resolve_markup(text: str) -> str:
    """Folded text without tags and entities; what is escaped too deeply loses its `<` and `&`."""
    for _ in range(_MARKUP_PASSES):
        text = fold_characters(text)
        resolved = _TAG.sub(_resolve_tag, text) if "<" in text else text
        resolved = _ENTITY.sub(_resolve_entity, resolved) if "&" in resolved else resolved
        if resolved == text:
            return text
        text = resolved
    return fold_characters(text).replace("<", " ").replace("&", " ")


def _resolve_tag(match: re.Match[str]) -> str:
    return "" if match["inline"] else " "


def _resolve_entity(match: re.Match[str]) -> str:
    return "&" if match[0].startswith("&amp;") else html.unescape(match[0])


def fold_characters(text: str) -> str:
    """The text in NFC, each character in its plain form; what is no character is gone or a blank."""
    if not _UNUSUAL.search(text):
        return text
    return unicodedata.normalize("NFC", text.translate(_FOLDS))


def _build_folds() -> dict[int, str | None]:
    folds: dict[int, str | None] = {}
    for code in (*range(0x20000), *range(0xE0000, 0xE0200)):  # no shape or mark outside these planes
        character = chr(code)
        category = unicodedata.category(character)
        if category in _DROPPED_CATEGORIES:
            folds[code] = None
        elif category in _BLANK_CATEGORIES:
            folds[code] = " "
        elif category == "Nd" and code > 127:
            folds[code] = str(unicodedata.digit(character))
        elif unicodedata.decomposition(character).startswith(_SAME_CHARACTER):
            folds[code] = _plain_form(character)
    variation_selectors = (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
    folds.update(dict.fromkeys(variation_selectors, None))
    emoji = (code for first, last in _EMOJI_RANGES for code in range(first, last + 1))
    folds.update((code, " ") for code in emoji if chr(code) not in _KEYBOARD_SYMBOLS)
    return {code: folded for code, folded in (folds | _SINGLE_FOLDS).items() if folded != chr(code)}


def _plain_form(character: str) -> str:
    """The character that a full-width, half-width or styled one stands for (ㄱ for ﾡ, not NFKC's ᄀ)."""
    code = int(unicodedata.decomposition(character).split()[1], 16)
    return _SINGLE_FOLDS.get(code) or chr(code)


_FOLDS = _build_folds()
