"""What hurried fingers make of a Korean text: a wrong key, a blank too many, blanks too few."""

import random
import re

from udfs.dubeolsik import mistype

_HANGUL_WORD = re.compile("[가-힣]{2,}")


def mistype_word(text: str, draw: random.Random) -> str:
    """One word of two Hangul syllables or more gets a typing mistake; a text without one stays."""
    words = list(_HANGUL_WORD.finditer(text))
    if not words:
        return text
    word = draw.choice(words)
    return text[: word.start()] + mistype(word[0], draw) + text[word.end() :]


def split_word(text: str, draw: random.Random) -> str:
    """One word gets a blank inside: 배송 조회 → 배송 조 회."""
    words = list(_HANGUL_WORD.finditer(text))
    if not words:
        return text
    word = draw.choice(words)
    at = draw.randrange(word.start() + 1, word.end())
    return text[:at] + " " + text[at:]


def drop_some_spaces(text: str, draw: random.Random) -> str:
    """About half of the blanks vanish."""
    head, *rest = text.split(" ")
    return head + "".join([word if draw.random() < 0.5 else f" {word}" for word in rest])


def misspell(text: str, draw: random.Random, *, changes: int) -> str:
    """The text with so many of these changes; one that finds no place changes nothing."""
    for _ in range(changes):
        text = draw.choice((mistype_word, split_word, drop_some_spaces))(text, draw)
    return text
