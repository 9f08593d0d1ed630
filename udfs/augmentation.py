"""Other ways to write a Korean message that mean the same: more rows to learn from.

After Wei and Zou (2019), "EDA: Easy Data Augmentation Techniques", with changes that Korean typists make: a wrong
key of the dubeolsik keyboard, vowels and finals that sound alike, blanks, particles left out, other endings.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from udfs.lossless import PLACEHOLDER
from udfs.misspelling import drop_some_spaces, mistype_word, split_word

_PRIVATE_USE = 0xE000  # where Unicode has places for signs of one's own: they stand for placeholders meanwhile
_ALIKE_MEDIALS = {1: 5, 5: 1, 7: 5, 10: 11, 15: 11, 11: 10}  # ㅐ ㅔ, ㅖ -> ㅔ, ㅙ ㅞ ㅚ, by Unicode's index
_ALIKE_FINALS = {20: 19, 6: 4, 5: 4, 2: 1}  # ㅆ -> ㅅ, ㄶ -> ㄴ, ㄵ -> ㄴ, ㄲ -> ㄱ
_CLOSED, _OPEN = ("은", "이", "을"), ("는", "가", "를")  # particles after a final consonant, and after a vowel
_ENDINGS = (
    ("해 주세요", "해 줘"), ("해주세요", "해줘"), ("주세요", "줘"), ("줄래", "줘"), ("줘요", "줘"), ("줘", "줄래요"),
    ("나요", "니"), ("인가요", "야"), ("일까요", "일까"), ("까요", "까"), ("세요", "요"), ("습니다", "어요"),
    ("어요", "어"), ("아요", "아"), ("해요", "해"), ("했어", "했어요"), ("있어", "있나요"), ("니", "나요"),
    ("래", "래요"),
)  # fmt: skip


@dataclass(frozen=True)
class AugmentationConfig:
    """How rows are varied."""

    copies: int = 0  # varied ones beside each training row; 0 for none
    changes: int = 2  # in each of them, at most
    seed: int = 0  # of what is changed


def vary_copy(text: str, *, number: int, config: AugmentationConfig) -> str:
    """The copy of this number: the same for the same text and settings, anywhere."""
    return vary(text, random.Random(f"{config.seed}-{number}-{text}"), changes=config.changes)


def vary(text: str, draw: random.Random, *, changes: int) -> str:
    """The text with up to so many changes; placeholders stay whole, and something is always left."""
    placeholders = PLACEHOLDER.findall(text)
    for i, placeholder in enumerate(placeholders):
        text = text.replace(placeholder, chr(_PRIVATE_USE + i), 1)
    for _ in range(draw.randint(1, changes)):
        text = draw.choice(_CHANGES)(text, draw) or text
    for i, placeholder in enumerate(placeholders):
        text = text.replace(chr(_PRIVATE_USE + i), placeholder)
    return text


def confuse_sounds(text: str, draw: random.Random) -> str:
    """One syllable as somebody writes it who goes by its sound: 계속 → 게속, 있어 → 잇어."""
    places = [i for i, sign in enumerate(text) if _sounds_like(sign) != sign]
    if not places:
        return text
    at = draw.choice(places)
    return text[:at] + _sounds_like(text[at]) + text[at + 1 :]


def drop_particle(text: str, draw: random.Random) -> str:
    """One eojeol loses its particle: 음악을 틀어 → 음악 틀어."""
    return _change_one(text, draw, lambda eojeol: eojeol[:-1] if _has_particle(eojeol) else eojeol)


def change_ending(text: str, draw: random.Random) -> str:
    """The last eojeol's ending in another register: 알려줘 → 알려줄래요."""
    found = [(old, new) for old, new in _ENDINGS if text.endswith(old) and len(text) > len(old)]
    old, new = draw.choice(found) if found else ("", "")
    return text.removesuffix(old) + new


def drop_eojeol(text: str, draw: random.Random) -> str:
    """A text of three eojeols or more without one of them."""
    eojeols = text.split()
    if len(eojeols) > 2:
        del eojeols[draw.randrange(len(eojeols))]
    return " ".join(eojeols)


def swap_eojeols(text: str, draw: random.Random) -> str:
    """Two neighbours change places."""
    eojeols = text.split()
    if len(eojeols) > 1:
        at = draw.randrange(len(eojeols) - 1)
        eojeols[at : at + 2] = eojeols[at + 1], eojeols[at]
    return " ".join(eojeols)


def _has_particle(eojeol: str) -> bool:
    if len(eojeol) < 3 or not "가" <= eojeol[-2] <= "힣":
        return False
    return eojeol[-1] in (_CLOSED if _final(eojeol[-2]) else _OPEN)


def _change_one(text: str, draw: random.Random, change: Callable[[str], str]) -> str:
    eojeols = text.split()
    places = [i for i, eojeol in enumerate(eojeols) if change(eojeol) != eojeol]
    if places:
        at = draw.choice(places)
        eojeols[at] = change(eojeols[at])
    return " ".join(eojeols)


def _sounds_like(sign: str) -> str:
    if not "가" <= sign <= "힣":
        return sign
    code = ord(sign) - ord("가")
    initial, medial, final = code // 588, code // 28 % 21, code % 28
    if medial in _ALIKE_MEDIALS:
        medial = _ALIKE_MEDIALS[medial]
    else:
        final = _ALIKE_FINALS.get(final, final)
    return chr(ord("가") + initial * 588 + medial * 28 + final)


def _final(sign: str) -> int:
    return (ord(sign) - ord("가")) % 28


_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    mistype_word,
    confuse_sounds,
    split_word,
    drop_some_spaces,
    drop_particle,
    change_ending,
    drop_eojeol,
    swap_eojeols,
)
