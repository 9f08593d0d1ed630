"""Korean particles that depend on the final consonant of the word before them.

Digits and Latin letters count by their Korean reading: "3" is 삼, "L" is 엘, so it is "사이즈 L이".
"""

FORMS = {
    "은": ("은", "는"),
    "이": ("이", "가"),
    "을": ("을", "를"),
    "과": ("과", "와"),
    "으로": ("으로", "로"),
    "이랑": ("이랑", "랑"),
    "이라": ("이라", "라"),
    "이나": ("이나", "나"),
    "이요": ("이요", "요"),
    "이에요": ("이에요", "예요"),
}
_HANGUL = range(0xAC00, 0xD7A4)
_RIEUL = 8
_MELTED = {"은": "건", "이": "게", "을": "걸"}
_FINAL_OF_READING = {**dict.fromkeys("178", _RIEUL), "0": 21, "3": 16, "6": 1}
_FINAL_OF_READING |= {**dict.fromkeys("lrLR", _RIEUL), **dict.fromkeys("mM", 16), **dict.fromkeys("nN", 4)}


def final_consonant(word: str) -> int:
    """The last syllable's final consonant by Unicode's index (0 = none, 8 = ㄹ); 0 for other signs."""
    last = word[-1:]
    if not last:
        return 0
    if ord(last) in _HANGUL:
        return (ord(last) - 0xAC00) % 28
    return _FINAL_OF_READING.get(last, 0)


def attach_particle(word: str, particle: str) -> str:
    """`word` with the particle that fits; 거 melts as in speech: 산 거 + 이 = 산 게, 이거 + 은 = 이건."""
    if word.endswith("거") and particle in _MELTED and word[-2:-1] in (" ", "이", "그", "저"):
        return word[:-1] + _MELTED[particle]
    return word + choose_particle(word, particle)


def choose_particle(word: str, particle: str) -> str:
    """The form of `particle` (named by its form after a consonant) that follows `word`: 값 + 이, 주소 + 가.

    으로 takes its short form after ㄹ too: 길로. Raises ValueError for a particle that has no two forms here.
    """
    if particle not in FORMS:
        raise ValueError(f"Unknown particle: expected one of {', '.join(FORMS)}, received {particle!r}.")
    final = final_consonant(word)
    closed = final != 0 and not (particle == "으로" and final == _RIEUL)
    return FORMS[particle][0 if closed else 1]
