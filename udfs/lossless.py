"""What every analyzer is held to: placeholders stay whole, odd characters do no harm, no Hangul is lost.

"No Hangul is lost" means: the letters of the text stand, in their order, among the letters of its tokens.
The letters are the initial consonant of each Hangul syllable, and each jamo, Latin letter and digit itself.
An analyzer that gives dictionary forms changes vowels and final consonants and adds syllables
(했어 -> 하 + 았 + 어, 그걸 -> 그것 + 을), but keeps the initials: ㅎ ㅇ and ㄱ ㄱ are still there. A syllable
may hide in a stem's ㅂ (더운 -> 덥 + ㄴ), so a token's final ㅂ counts as the silent initial ㅇ too. Of an
analyzer that gives morphemes as they stand more is true: its tokens joined are the text without blanks.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial

from udfs.masking import PLACEHOLDERS

Analyze = Callable[[str], list[str]]

PLACEHOLDER = re.compile(f"({'|'.join(map(re.escape, PLACEHOLDERS))})")
_SYLLABLES_AN_INITIAL = 588  # 21 vowels times 28 finals, in Unicode's order
_FINALS = 28
_BIEUP = 17  # ㅂ among the finals
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"


def make_lossless(analyze: Analyze, *, apart: re.Pattern[str] = PLACEHOLDER, is_complete: bool = False) -> Analyze:
    """Return an analyzer that holds to this file's rules, whatever the given one does with a text.

    Args:
        analyze: gets text that is not blank and holds no control character, line break or lone surrogate.
        apart: what is cut out before `analyze` sees the text, and is a token; one group around the whole.
        is_complete: `analyze` only cuts the text, and may tag the parts: there is nothing to check.
    """
    cover = partial(_skip_blank if is_complete else _cover, analyze)

    def tokenize_text(text: str) -> list[str]:
        text = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
        parts = apart.split(text)
        if len(parts) == 1:
            return cover(text)
        return [t for i, part in enumerate(parts) for t in ([part] if i % 2 else cover(part))]

    return tokenize_text


def loses_nothing(text: str, tokens: Iterable[str]) -> bool:
    """Return whether the letters of the text stand, in their order, in the letters of the tokens."""
    joined = "".join(tokens)
    if joined == text.replace(" ", ""):
        return True
    letters_left = iter(joined.translate(_TOKEN_LETTERS))
    return all(letter in letters_left for letter in text.translate(_TEXT_LETTERS))


def _skip_blank(analyze: Analyze, text: str) -> list[str]:
    return analyze(text) if text and not text.isspace() else []


def _cover(analyze: Analyze, text: str) -> list[str]:
    """Return the analyzer's tokens; where they lose something, the characters of the eojeol that lost it."""
    tokens = _skip_blank(analyze, text)
    if loses_nothing(text, tokens):
        return tokens
    return [token for eojeol in text.split() for token in _cover_eojeol(analyze, eojeol)]


def _cover_eojeol(analyze: Analyze, eojeol: str) -> list[str]:
    tokens = analyze(eojeol)
    return tokens if loses_nothing(eojeol, tokens) else list(eojeol)


class _Letters(dict[int, str | None]):
    """Code point -> its letters, None for what has none; filled as characters are met."""

    def __init__(self, find_letters: Callable[[str], str | None]) -> None:
        self._find_letters = find_letters

    def __missing__(self, code: int) -> str | None:
        self[code] = self._find_letters(chr(code))
        return self[code]


def _find_letter(character: str) -> str | None:
    if "가" <= character <= "힣":
        return _INITIALS[(ord(character) - ord("가")) // _SYLLABLES_AN_INITIAL]
    return character.lower() if character.isalnum() else None


def _find_token_letters(character: str) -> str | None:
    letter = _find_letter(character)
    ends_in_bieup = "가" <= character <= "힣" and (ord(character) - ord("가")) % _FINALS == _BIEUP
    return f"{letter}ㅇ" if ends_in_bieup else letter


_TEXT_LETTERS = _Letters(_find_letter)
_TOKEN_LETTERS = _Letters(_find_token_letters)
