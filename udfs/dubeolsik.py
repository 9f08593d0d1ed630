"""Typing mistakes of the dubeolsik keyboard: keystrokes, a wrong key, and back as an input method composes.

So a mistake looks as in real chats: 배송 → 배성 (neighbour key), 했어 → 햇어 (no shift), 언제 → 어넺 (swap).
"""

import random
import re
import unicodedata

# fmt: off
_INITIALS = (
    "r", "R", "s", "e", "E", "f", "a", "q", "Q", "t", "T", "d", "w", "W", "c", "z", "x", "v", "g",
)
_MEDIALS = (
    "k", "o", "i", "O", "j", "p", "u", "P", "h", "hk", "ho", "hl", "y", "n", "nj", "np", "nl", "b", "m",
    "ml", "l",
)
_FINALS = (
    "", "r", "R", "rt", "s", "sw", "sg", "e", "f", "fr", "fa", "fq", "ft", "fx", "fv", "fg", "a", "q",
    "qt", "t", "T", "d", "w", "c", "z", "x", "v", "g",
)
# fmt: on
_LETTERS = dict(
    zip(
        "rRseEfaqQtTdwWczxvgkoiOjpuPhynbml",
        "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅛㅜㅠㅡㅣ",
        strict=True,
    )
)
_COMPOUND_MEDIALS = dict(zip(("hk", "ho", "hl", "nj", "np", "nl", "ml"), "ㅘㅙㅚㅝㅞㅟㅢ", strict=True))
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SYLLABLE = re.compile(
    "(?P<initial>[rRseEfaqQtTdwWczxvg])(?P<medial>hk|ho|hl|nj|np|nl|ml|[koiOjpuPhynbml])"
    "(?P<final>(?:rt|sw|sg|fr|fa|fq|ft|fx|fv|fg|qt|[rRsefaqtTdwczxvg])?"
    "(?![koiOjpuPhynbml]))?"
)


def to_keys(text: str) -> str:
    """The keystrokes of a Hangul word ("값" → "rkqt"). Raises ValueError for what is no Hangul syllable."""
    return "".join(_keys_of(sign) for sign in text)


def from_keys(keys: str) -> str:
    """What an input method shows for keystrokes: syllables where they compose, single jamo elsewhere; NFC."""
    shown: list[str] = []
    position = 0
    while position < len(keys):
        match = _SYLLABLE.match(keys, position)
        if match:
            shown.append(_compose(match["initial"], match["medial"], match["final"] or ""))
            position = match.end()
            continue
        pair = _COMPOUND_MEDIALS.get(keys[position : position + 2])
        shown.append(pair or _LETTERS.get(keys[position], keys[position]))
        position += 2 if pair else 1
    return unicodedata.normalize("NFC", "".join(shown))


def mistype(word: str, random_: random.Random) -> str:
    """`word` with one typing mistake: a neighbour key, two keys swapped, one left out, or shift missed."""
    keys = to_keys(word)
    at = random_.randrange(len(keys))
    shifted = [i for i, key in enumerate(keys) if key.isupper()]
    if shifted and random_.random() < 0.5:
        return from_keys(_replace(keys, shifted[0], keys[shifted[0]].lower()))
    kind = random_.random()
    if kind < 0.5:
        return from_keys(_replace(keys, at, random_.choice(neighbours(keys[at]))))
    if kind < 0.75 and at + 1 < len(keys):
        return from_keys(keys[:at] + keys[at + 1] + keys[at] + keys[at + 2 :])
    return from_keys(_replace(keys, at, ""))


def neighbours(key: str) -> str:
    """The keys left and right of a key in its row: "t" → "ry"."""
    row = next(row for row in _ROWS if key.lower() in row)
    at = row.index(key.lower())
    return row[max(0, at - 1) : at] + row[at + 1 : at + 2]


def _keys_of(sign: str) -> str:
    code = ord(sign) - 0xAC00
    if not 0 <= code < 11172:
        raise ValueError(f"Expected a Hangul syllable, received U+{ord(sign):04X}.")
    return _INITIALS[code // 588] + _MEDIALS[code // 28 % 21] + _FINALS[code % 28]


def _compose(initial: str, medial: str, final: str) -> str:
    code = _INITIALS.index(initial) * 588 + _MEDIALS.index(medial) * 28 + _FINALS.index(final)
    return chr(0xAC00 + code)


def _replace(keys: str, at: int, key: str) -> str:
    return keys[:at] + key + keys[at + 1 :]
