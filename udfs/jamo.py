"""Hangul syllables as the letters that they are written with: what fingers and ears know of them."""

_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_MEDIALS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]


def to_jamo(text: str) -> str:
    """The text with each syllable as two or three letters of their own: 했어 → ㅎㅐㅆㅇㅓ; all else stays."""
    return text.translate(_LETTERS)


# in Unicode's order, first syllable 가
_LETTERS = {
    ord("가") + number: initial + medial + final
    for number, (initial, medial, final) in enumerate(
        (initial, medial, final) for initial in _INITIALS for medial in _MEDIALS for final in _FINALS
    )
}
