"""Korean verb forms for the sentence frames: a stem and an ending pattern give the inflected word.

An ending pattern is one capital letter, the form that it hangs on, and the rest as it is written:

    S stem           오    S나요? 오나요?      E infinitive   와    E요 와요
    P past stem      왔    P어요  왔어요       C stem + 으    오    C면 오면, 받으면
    L stem + ㄹ/을   올    L까요? 올까요?      N stem + ㄴ/은 큰    N가요? 큰가요?
    B stem + ㅂ/습   옵    B니다  옵니다       M stem + ㅁ/음 옴    M 옴
    K copula after a noun: K이에요 = 이에요/예요, K인가요 = 인가요, K이야 = 이야/야

Regular contraction is by rule; irregular stems are listed below. Rules: 한글 맞춤법, chapter 4, section 2.
"""

from functools import cache

from udfs.shop_chat.particles import final_consonant

_HIEUH_DROPS = {"그렇": "그래", "어떻": "어때", "이렇": "이래"}
# fmt: off
_REU = (
    "모르", "고르", "다르", "부르", "누르", "오르", "빠르", "자르", "바르", "흐르",
)
_BIEUP = (
    "무겁", "가볍", "어렵", "쉽", "맵", "덥", "춥", "고맙", "아깝", "굽", "눕", "두껍", "어둡", "귀엽",
    "더럽", "시끄럽", "부드럽", "번거롭", "반갑", "싱겁", "뜨겁", "차갑", "아쉽", "당황스럽",
    "불만스럽", "실망스럽",
)
# fmt: on
_DIGEUT = ("듣", "걷", "싣", "깨닫", "묻")  # 묻다 as to ask
_SIOT = ("낫", "짓", "붓", "잇")
_A, _EO, _O, _U, _EU, _I = 0, 4, 8, 13, 18, 20
_CONTRACTED = {_O: 9, _U: 14, _I: 6, 11: 10}  # ㅗ+ㅏ=ㅘ, ㅜ+ㅓ=ㅝ, ㅣ+ㅓ=ㅕ, ㅚ+ㅓ=ㅙ
_UNCHANGED = (_A, 1, _EO, 5, 6)  # ㅏ ㅐ ㅓ ㅔ ㅕ swallow the ending's vowel
_SHORT_COPULA = {
    "이에요": "예요",
    "이에여": "예여",
    "이야": "야",
    "이었": "였",
    "이네": "네",
    "이라": "라",
    "이고": "고",
}
_NIEUN, _RIEUL, _RIEUL_MIEUM, _MIEUM, _BIEUP_FINAL, _SSANG_SIOT = 4, 8, 10, 16, 17, 20
_MELTED_COPULA = {"인": _NIEUN, "일": _RIEUL, "입": _BIEUP_FINAL}  # 뭔가요, 뭘까요, 겁니까


@cache
def conjugate(stem: str, pattern: str) -> str:
    """The word of `stem` (오, 가볍) under an ending pattern (S나요?). Raises ValueError for no such form."""
    form, rest = pattern[:1], pattern[1:]
    if form == "S":
        return (_drop_rieul(stem) if rest[:1] and rest[0] in "나냐는네니시세" else stem) + rest
    if form == "K":
        return _attach_copula(stem, rest)
    builders = {
        "E": infinitive,
        "P": _past,
        "C": _with_eu,
        "L": _future,
        "N": _modifier,
        "B": _formal,
        "M": _noun,
    }
    if form not in builders:
        raise ValueError(f"Unknown ending pattern: expected one of S, K, {', '.join(builders)}, received {pattern!r}.")
    return builders[form](stem) + rest


def infinitive(stem: str) -> str:
    """The stem with -아/-어 contracted as it is spoken: 오 와, 바꾸 바꿔, 하 해, 모르 몰라, 가볍 가벼워."""
    if stem.endswith("하"):
        return stem[:-1] + "해"
    if stem in _HIEUH_DROPS:
        return _HIEUH_DROPS[stem]
    if stem.endswith(_REU):
        before = _set_final(stem[-2], _RIEUL)
        return stem[:-2] + before + ("라" if _vowel(stem[-2]) in (_A, _O) else "러")
    if final_consonant(stem):
        return _infinitive_of_closed(stem)
    return _infinitive_of_open(stem)


def _infinitive_of_closed(stem: str) -> str:
    if stem.endswith(_BIEUP):
        return _set_final(stem, 0) + "워"
    if stem.endswith(_DIGEUT):
        stem = _set_final(stem, _RIEUL)
        return stem + ("아" if _vowel(stem) in (_A, _O) else "어")
    ending = "아" if _vowel(stem) in (_A, 2, _O) else "어"
    return (_set_final(stem, 0) if stem.endswith(_SIOT) else stem) + ending


def _infinitive_of_open(stem: str) -> str:
    vowel = _vowel(stem)
    if vowel in _UNCHANGED:
        return stem
    if vowel == _EU:
        bright = len(stem) > 1 and _vowel(stem[-2]) in (_A, _O)
        return _set_vowel(stem, _A if bright else _EO)
    return _set_vowel(stem, _CONTRACTED[vowel]) if vowel in _CONTRACTED else stem + "어"


def _past(stem: str) -> str:
    return _set_final(infinitive(stem), _SSANG_SIOT)


def _with_eu(stem: str) -> str:
    if stem in _HIEUH_DROPS:
        return _set_final(stem, 0)
    if stem.endswith(_BIEUP):
        return _set_final(stem, 0) + "우"
    if stem.endswith(_DIGEUT):
        return _set_final(stem, _RIEUL) + "으"
    if stem.endswith(_SIOT):
        return _set_final(stem, 0) + "으"
    return stem if final_consonant(stem) in (0, _RIEUL) else stem + "으"


def _future(stem: str) -> str:
    return _set_final(_with_eu(stem), _RIEUL)


def _modifier(stem: str) -> str:
    return _set_final(_with_eu(stem), _NIEUN)


def _formal(stem: str) -> str:
    return _set_final(stem, _BIEUP_FINAL) if final_consonant(stem) in (0, _RIEUL) else stem + "습"


def _noun(stem: str) -> str:
    if final_consonant(stem) == _RIEUL:
        return _set_final(stem, _RIEUL_MIEUM)
    if stem.endswith(("있", "없", "겠")):
        return stem + "음"
    return _set_final(_with_eu(stem), _MIEUM)


def _attach_copula(noun: str, rest: str) -> str:
    if final_consonant(noun):
        return noun + rest
    if noun.endswith(("뭐", "거")) and rest[0] in _MELTED_COPULA:
        return _set_final(noun, _MELTED_COPULA[rest[0]]) + rest[1:]
    head = next((head for head in _SHORT_COPULA if rest.startswith(head)), "")
    return noun + _SHORT_COPULA.get(head, "") + rest[len(head) :]


def _drop_rieul(stem: str) -> str:
    return _set_final(stem, 0) if final_consonant(stem) == _RIEUL else stem


def _vowel(word: str) -> int:
    return (ord(word[-1]) - 0xAC00) // 28 % 21


def _set_final(word: str, final: int) -> str:
    code = ord(word[-1]) - 0xAC00
    return word[:-1] + chr(0xAC00 + code - code % 28 + final)


def _set_vowel(word: str, vowel: int) -> str:
    code = ord(word[-1]) - 0xAC00
    return word[:-1] + chr(0xAC00 + (code // 588) * 588 + vowel * 28 + code % 28)
