"""Personal numbers in running text: which runs of digits are one, and which are prices, dates or sizes.

One expression reads the text from left to right: shapes that stay (dates, times, prices, ranges) and numbers
whose shape tells their kind. Between these, any other run of seven digits and more is masked, unless it is a
list of sizes. Every part is bounded or starts at the head of a run: time grows with the length of the text.
"""

import re
import unicodedata
from itertools import pairwise

PHONE = "[전화번호]"
RESIDENT = "[주민등록번호]"
ALIEN = "[외국인등록번호]"
CARD = "[카드번호]"
ACCOUNT = "[계좌번호]"
BUSINESS = "[사업자번호]"
ORDER = "[주문번호]"
NUMBER = "[번호]"

# A digit as it is typed (in any script, ① and ❶ too), and also as it is read aloud.
_D = r"[\d⓪①-⑨❶-❾]"
_N = r"[\d⓪①-⑨❶-❾영공일이삼사오육륙칠팔구]"
_READ_ALOUD = dict(zip("영공일이삼사오육륙칠팔구", "001234566789", strict=True))

# What may stand between two digits of one number; in a telephone number any sign, or a word for the hyphen.
_SIGNS = r"[\s\-‐-―−ㅡ./·ㆍ・~_,()]{0,3}"
_ANY_SIGNS = r"(?:[^\w\[\]]|[_ㅡㅣ]){0,3}"
_JOINT = rf"(?:\s?(?:국?에|의|다시|대시|하이픈|빼기)\s?|{_ANY_SIGNS})"

_HEAD = rf"(?<!{_D})(?<!{_D}[\-./,~])(?<!{_D} - )"
_SPOKEN_HEAD = rf"(?<!{_N})(?<!{_N}[\-./,~· ])(?<!{_N} - )"
_END = rf"(?!{_D})"
_SPOKEN_END = rf"(?!{_D})(?!{_N}{{2}})"  # one syllable may be a particle: 공일공 일이삼사 오육칠팔이요
_FREE_END = rf"(?![\-./,~]?{_D})"

# Dates and amounts
_YEAR, _MONTH, _DAY = r"(?:19|20)\d\d", r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12]\d|3[01])"
_MMDD = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?"
_UNIT = (
    r"(?:원|만|천|억|조|달러|불|엔|유로|위안|포인트|점|개|명|건|회|장|부|표|뷰|년|일|시간|초|배|%|won|[kK][rR][wW]"
    r"|km|kg|mg|ml|mm|cm|mAh|[gGmMtT][bB]|[gmpP]\b)"
)
_DATE_HEAD, _DATE_END = rf"(?<!{_D})(?<!{_D}[\-./,])", rf"(?![\-./,]?{_D})"
_KEPT = (
    rf"{_DATE_HEAD}(?:{_YEAR}|\d\d)(?P<dot>[\-./])\s?{_MONTH}(?P=dot)\s?{_DAY}{_DATE_END}"
    rf"(?:[ T]{{1,2}}{_CLOCK})?",
    rf"{_DATE_HEAD}{_YEAR}{_MMDD}(?![\-./,_ ]?{_D})",
    rf"{_HEAD}[12]\d{{3}}\s?[\-~,]\s?[12]\d{{3}}\s?년",
    rf"{_DATE_HEAD}{_MONTH}[./]{_DAY}\s?[\-~]\s?{_MONTH}[./]{_DAY}{_DATE_END}",
    rf"{_DATE_HEAD}{_MONTH}/{_DAY}{_DATE_END}",
    rf"{_HEAD}(?:\d\.\d+|[1-9]\d\.\d\d?){_FREE_END}",
    rf"{_HEAD}{_YEAR}\s?[\-~]\s?{_YEAR}{_FREE_END}",
    rf"(?<!{_D})(?<!{_D}:){_CLOCK}(?!:?{_D})",
    rf"{_HEAD}[1-9]\d{{0,2}}(?:,\d{{3}})+{_FREE_END}",
    rf"{_HEAD}[1-9]\d{{0,9}}(?:\.\d{{1,3}})?(?:{_UNIT}|\s원)",
    rf"{_HEAD}[1-9]\d{{0,6}}0\s?[~\-]\s?[1-9]\d{{0,6}}0{_UNIT}",
    rf"{_HEAD}[1-9]\d{{0,6}}0\s?~\s?[1-9]\d{{0,6}}0{_FREE_END}",
    rf"(?<=[₩$€¥])\s?[1-9]\d{{0,9}}{_FREE_END}",
    rf"{_HEAD}[1-9]\d{{0,4}}0{{4,9}}{_FREE_END}",
    rf"{_HEAD}(?P<same>\d)(?P=same){{6,}}{_FREE_END}",
)

# Numbers whose shape tells their kind
_COUNTRY = rf"\(?(?:\+|00)?82\)?{_ANY_SIGNS}\(?0?\)?{_ANY_SIGNS}"
_AREA = r"(?:2|3[1-3]|4[1-4]|5[1-5]|6[1-4]|70|80|50\d|60\d)"
_NATIONWIDE = r"(?:15(?:22|33|44|66|77|88|99)|16(?:00|11|44|55|61|66|68|70|88|99)|18(?:00|11|33|55|66|77|99))"
_SPOKEN_MOBILE = rf"[0oOㅇ○영공⓪]{_JOINT}[1lI일①]{_JOINT}[016-9oOㅇ○영공일육륙칠팔구⓪①⑥-⑨]"
_SPOKEN_AREA = rf"[0영공]{_JOINT}(?:[2이]|[3-6삼사오육륙]{_JOINT}[1-5일이삼사오]|[7칠]{_JOINT}[0영공])"
_PHONES = (
    rf"{_HEAD}(?:{_COUNTRY}|\(?0)1[016789]{_JOINT}{_D}{{3,4}}{_JOINT}{_D}{{4}}{_END}",
    rf"{_HEAD}10(?P<hyphen>[\-. ])\d{{4}}(?P=hyphen)\d{{4}}{_END}",
    rf"{_HEAD}(?:{_COUNTRY}|\(?0){_AREA}{_JOINT}{_D}{{3,4}}{_JOINT}{_D}{{4}}{_END}",
    rf"{_HEAD}{_NATIONWIDE}{_SIGNS}\d{{4}}{_FREE_END}(?!{_UNIT})",
    rf"{_SPOKEN_HEAD}(?<![A-Za-z])(?![영공]\d{{9}}){_SPOKEN_MOBILE}(?:{_JOINT}{_N}){{7,8}}{_SPOKEN_END}",
    rf"{_SPOKEN_HEAD}{_SPOKEN_AREA}(?:{_JOINT}{_N}){{7,8}}{_SPOKEN_END}",
    rf"{_SPOKEN_HEAD}일\s?[오육륙팔](?:\s?{_N}){{2}}{_JOINT}{_N}(?:\s?{_N}){{3}}{_SPOKEN_END}",
)
_ORDERS = (rf"{_HEAD}{_YEAR}{_MMDD}[\-_]?\d{{5,10}}{_FREE_END}",)
_RESIDENTS = (rf"{_HEAD}\d\d{_MMDD}{_ANY_SIGNS}[1-8](?:\d{{6}}{_END}|[*xX●○]{{6}})",)
_CARDS = (
    rf"{_HEAD}\d{{4}}(?:{_SIGNS}\d{{4}}){{3}}{_FREE_END}",
    rf"{_HEAD}3[47]\d\d{_SIGNS}\d{{6}}{_SIGNS}\d{{5}}{_FREE_END}",
)
_BUSINESSES = (rf"{_HEAD}\d{{3}}[\-. ]{{1,3}}\d{{2}}[\-. ]{{1,3}}\d{{5}}{_FREE_END}",)

_SHAPES = re.compile(
    "|".join(
        f"(?P<{name}>{'|'.join(shapes)})"
        for name, shapes in {
            "kept": _KEPT,
            "phone": _PHONES,
            "order": _ORDERS,
            "resident": _RESIDENTS,
            "card": _CARDS,
            "business": _BUSINESSES,
        }.items()
    )
)
_SHAPE_MASKS = {"phone": PHONE, "order": ORDER, "card": CARD, "business": BUSINESS}
_LONG_RUN = re.compile(rf"(?P<typed>{_D}(?:{_SIGNS}{_D}){{6,}})|{_N}(?:{_JOINT}{_N}){{7,}}")
_DIGIT = re.compile(_N)
_GROUP = re.compile(rf"{_D}+")
_HYPHEN = re.compile("[-‐-―−ㅡ]")
_SPOKEN_GROUP = re.compile(rf"{_N}+")
_COPULA = re.compile("이(?:에요|야|라|고|구|죠|지|며|랑)")
_MAY_HOLD_NUMBER = re.compile(rf"{_N}(?:{_JOINT}{_N}){{6}}")

_PLACEHOLDER_OR_DIGITS = re.compile(rf"(?P<placeholder>\[[가-힣]+\])|{_N}(?:{_JOINT}{_N})*")

_CONTEXT_CHARS = 16
_CONTEXTS = (
    (re.compile("주민"), RESIDENT),
    (re.compile("외국인\\s?등록"), ALIEN),
    (re.compile("사업자"), BUSINESS),
    (re.compile("주문|오더"), ORDER),
    (re.compile("카드"), CARD),
    (re.compile("계좌|은행|뱅크|입금|송금|이체|국민|신한|하나|농협|기업|수협|신협|새마을|우체국"), ACCOUNT),
    (re.compile("전화|연락|핸드폰|휴대폰|폰|번호로"), PHONE),
)
_DATED = re.compile(rf"{_YEAR}{_MMDD}")
_RESIDENT_DIGITS = re.compile(rf"\d\d{_MMDD}[1-8]\d{{6}}")
_PHONE_DIGITS = re.compile(rf"01[016789]\d{{7,8}}|0{_AREA}\d{{7,8}}")


def mask_numbers(text: str) -> str:
    """The text with a placeholder for each personal number; linear in the length of the text."""
    if not _MAY_HOLD_NUMBER.search(text):
        return text
    pieces = []
    done = 0
    for shape in _SHAPES.finditer(text):
        pieces += [_mask_long_runs(text, done, shape.start()), _mask_shape(shape)]
        done = shape.end()
    return "".join([*pieces, _mask_long_runs(text, done, len(text))])


def mask_every_digit(text: str) -> str:
    """The text without a digit outside placeholders, typed or read aloud: nothing is left to mask in it."""
    return _PLACEHOLDER_OR_DIGITS.sub(lambda match: match["placeholder"] or NUMBER, text)


def _mask_shape(shape: re.Match[str]) -> str:
    if shape.lastgroup == "kept":
        return shape[0]
    if shape.lastgroup == "resident":
        sex = _typed_digits(shape[0])[6]
        return ALIEN if sex in "5678" else RESIDENT
    is_bracket_open = shape[0].startswith("(") and ")" not in shape[0]
    return ("(" if is_bracket_open else "") + _SHAPE_MASKS[str(shape.lastgroup)]


def _mask_long_runs(text: str, start: int, end: int) -> str:
    def mask(run: re.Match[str]) -> str:
        if is_list(run[0]) or not (run["typed"] or is_read_aloud(run[0])):
            return run[0]
        before = text[max(0, start + run.start() - _CONTEXT_CHARS) : start + run.start()]
        verb = "이" if _COPULA.match(text, start + run.end() - 1) else ""
        return name_number(run[0].removesuffix(verb), before) + verb

    return _LONG_RUN.sub(mask, text[start:end])


def name_number(run: str, before: str) -> str:
    """The placeholder for a number of unknown shape, by its digits, its groups and the words before it."""
    digits = "".join(_READ_ALOUD.get(d, d) for d in _typed_digits(run))
    groups = tuple(len(group) for group in _GROUP.findall(run))
    if _RESIDENT_DIGITS.fullmatch(digits):
        return ALIEN if digits[6] in "5678" else RESIDENT
    for words, mask in _CONTEXTS:
        if words.search(before):
            return mask
    if _PHONE_DIGITS.fullmatch(digits) or groups in ((3, 4), (4, 4)):
        return PHONE
    if len(digits) == 16 and not _DATED.match(digits):
        return CARD
    if len(groups) in (3, 4) and 10 <= len(digits) <= 14:
        return ACCOUNT
    return NUMBER


def is_list(run: str) -> bool:
    """Whether the groups of a run are sizes, years, prices or a count: 230 240 250, 2025/2026."""
    groups = _GROUP.findall(run)
    if len(groups) < 2 or any(group[0] == "0" < group for group in groups):
        return False
    numbers = [int(_typed_digits(group)) for group in groups]
    steps = {later - earlier for earlier, later in pairwise(numbers)}
    is_progression = len(groups) > 2 and len(steps) == 1 and steps != {0}
    if _HYPHEN.search(run):
        return is_progression and max(numbers) < 1000
    is_sorted = min(steps) >= 0
    are_sizes = len(groups) > 2 and is_sorted and max(numbers) < 1000
    are_years = is_sorted and all(1900 <= number < 2100 for number in numbers)
    are_prices = all(number % 100 == 0 and number < 1_000_000 for number in numbers)
    return is_progression or are_sizes or are_years or are_prices


def is_read_aloud(run: str) -> bool:
    """Whether a run of syllables is a number read aloud, and not 오오오오오 or 이 일이 이 사이 오이."""
    lengths = set(map(len, _SPOKEN_GROUP.findall(run)))
    has_groups = lengths == {1} or max(lengths) >= 3
    return has_groups and len(set(_DIGIT.findall(run))) >= 4 and len(_DIGIT.findall(run)) >= 9


def _typed_digits(run: str) -> str:
    """The digits of a run in ASCII, those that are read aloud unchanged."""
    return "".join(str(unicodedata.digit(d, d)) if d not in _READ_ALOUD else d for d in run if _DIGIT.match(d))
