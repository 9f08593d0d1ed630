"""Postal addresses in running text: found at their house number, then widened to both sides.

로 is a road and a particle (카드로 3개), 동 a district and half of 운동. So a number behind one of them is an
address only with a second sign of it: a city or district before it, a lot number, a floor or flat behind it.
"""

import re

ADDRESS = "[주소]"

_PROVINCE = (
    r"(?:(?:서울|부산|대구|인천|광주|대전|울산|세종)(?:특별자치시|특별시|광역시|시)?|전남|경북|경남|충북|충남"
    r"|(?:경기|강원|제주|전북|전라북|전라남|경상북|경상남|충청북|충청남)(?:특별자치도|도)?)"
)
_NOT_A_PLACE = (
    "다시|혹시|역시|잠시|몇시|즉시|항시|일시|임시|동시|표시|주시|오시|무시|게시|드시|당시|수시|택시"
    "|친구|입구|출구|가구|도구|누구|요구|전구|야구|축구|농구|배구|기구|문구|욕구|연구|직구|영구|당구|지구"
)
_PLACE_BEFORE = re.compile(
    rf"(?<![가-힣])(?:(?P<large>{_PROVINCE}|(?!(?:{_NOT_A_PLACE})[\s,]*$)[가-힣]{{1,6}}[시군구])"
    r"|[가-힣\d]{1,6}[읍면동리])[\s,]*$"
)
_GLUED_PLACES = re.compile(rf"{_PROVINCE}[가-힣]{{1,5}}[시군구]|[가-힣]{{1,4}}시[가-힣]{{1,4}}구")
_ZIP_CODE_BEFORE = re.compile(r"(?<!\d)[(\[]?\d{5}[)\]]?[\s,]*$")
_NAME_BEFORE = re.compile(r"[가-힣\d·]{1,14}$")
_CONTEXT_BEFORE = re.compile(r"(?:주소|배송지|도착지|수령지|사는 곳|받는 곳)(?:지|[은는이가])?\s?:?\s?$")
_WINDOW_CHARS = 20

_COMPLEX = (
    r"(?:아파트|빌라|오피스텔|타워|빌딩|맨션|연립|주택|원룸|고시원|하이츠|파크|캐슬|자이|힐스테이트|푸르지오"
    r"|래미안|주공|단지)"
)
_COMPLEX_BEFORE = re.compile(rf"(?<![가-힣A-Za-z\d])[가-힣A-Za-z\d]{{0,10}}{_COMPLEX}[\s,]*$")
_FLAT = r"(?:제\s?)?(?:\d{1,4}|(?<![가-힣])[A-Za-z가나다라마바사])\s?동\s?(?:제\s?)?[Bb]?\d{1,5}\s?호(?!선)"
_HOUSE = (
    r"(?P<suffix>[로길동리가읍면])\s?(?:산\s?|지하\s?)?[1-9]\d{0,3}(?P<part>-\d{1,4})?(?![\d\-:]|[.,]\d)"
    r"(?P<lane>(?:번?[가-하]?길|가)\s?\d{1,4}(?:-\d{1,4})?(?!\d|\s?(?:번(?!지)|호선|개)))?(?P<lot>\s?번지)?"
)
_ANCHOR = re.compile(rf"(?P<flat>{_FLAT})|{_HOUSE}")
# 누리타운 127동 805호, but not 또는 127동 805호
_BUILDING = r"(?<=[\s,])[가-힣A-Za-z\d]{1,11}[^\s은는이가나랑고과와]"
_DETAIL = re.compile(
    rf"[\s,]{{0,2}}(?:\([가-힣\d,\s]{{2,20}}\)|[가-힣A-Za-z\d]{{0,10}}?{_COMPLEX}|{_FLAT}|{_BUILDING}\s(?:{_FLAT}|\d{{1,3}}층|\d{{1,5}}호)|\d{{1,4}}동(?![가-힣])"
    r"|(?<=[\s,])[1-9]\d{1,3}-\d{3,4}(?![\d\-])|(?:지하\s?|[Bb])?\d{1,3}\s?층|[Bb]?\d{1,5}\s?호(?!선))"
)
_MAX_PARTS = 6
_MAY_HOLD_ADDRESS = re.compile(r"[로길동리가읍면]\s?(?:산|지하|제)?\s?[Bb]?\d")
_COUNTER = re.compile(
    r"\s?(?:이상|이하|정도|가지|페이지|쪽|평|칸|줄|승|패|강|탄|집|종|톤|개|자|원|명|시|분|초|일|월|년|주|번(?!길|지)|장|권|병|벌|켤레|세트|박스|만|천|백|억|배|회|건|살|세|대|인|차|등"
    r"|위|점|편|화|부|곡|잔|마리|킬로|미터|리터|단계|퍼|%|kg|km|cm|mm|ml|[gGmMlLpP]\b|달러|포인트|인치|도\b)"
)
_SENT_TO = re.compile(r"\s?(?:으로|로)\s?(?:좀\s?)?(?:보내|배송|부쳐|가져다|와\s?주)")


def mask_addresses(text: str) -> str:
    """The text with `[주소]` for each address that has a number; linear in the length of the text.

    A place without a number (서울 강남구 날씨) is not personal and stays.
    """
    if not _MAY_HOLD_ADDRESS.search(text):
        return text
    pieces = []
    done = 0
    for anchor in _ANCHOR.finditer(text):
        if anchor.start() < done:
            continue
        start = _find_start(text, anchor, done)
        if start is not None:
            pieces += [text[done:start], ADDRESS]
            done = _find_end(text, anchor.end())
    return "".join([*pieces, text[done:]])


def _find_start(text: str, anchor: re.Match[str], done: int) -> int | None:
    """Where the address around a number begins; None if it is none."""
    if anchor["flat"]:
        apartment = _search_before(_COMPLEX_BEFORE, text, done, anchor.start())
        return _find_places(text, done, apartment.start() if apartment else anchor.start())
    name = _search_before(_NAME_BEFORE, text, done, anchor.start())
    if not name or _is_particle(anchor["suffix"], name[0]):
        return None
    start = _find_places(text, done, name.start())
    has_place = start < name.start() or bool(_GLUED_PLACES.match(name[0]))
    is_named = bool(_search_before(_CONTEXT_BEFORE, text, done, name.start()))
    return start if _is_address(text, anchor, is_placed=has_place or is_named) else None


def _is_particle(suffix: str, name: str) -> bool:
    """Whether 로 or 가 belongs to the grammar: 앞으로 3, 제가 3; a ga of a road has its number: 종로3가."""
    return (suffix == "로" and name.endswith("으")) or (suffix == "가" and not name[-1].isdigit())


def _is_address(text: str, anchor: re.Match[str], *, is_placed: bool) -> bool:
    if anchor["lane"] or anchor["lot"]:
        return True
    if _COUNTER.match(text, anchor.end()):
        return False
    if anchor["suffix"] in "리가읍면":
        return is_placed and bool(anchor["part"])
    is_followed = _DETAIL.match(text, anchor.end()) or _SENT_TO.match(text, anchor.end())
    return bool(is_placed or anchor["part"] or (anchor["suffix"] in "로길" and is_followed))


def _find_places(text: str, done: int, start: int) -> int:
    """Where the places (and postal code) that end at `start` begin; `start` if there is none."""
    position = first = start
    for _ in range(_MAX_PARTS):
        place = _search_before(_PLACE_BEFORE, text, done, position)
        if not place:
            break
        position = place.start()
        first = position if place["large"] else first
    zip_code = _search_before(_ZIP_CODE_BEFORE, text, done, first) if first < start else None
    return zip_code.start() if zip_code else first


def _find_end(text: str, end: int) -> int:
    for _ in range(_MAX_PARTS):
        detail = _DETAIL.match(text, end)
        if not detail:
            break
        end = detail.end()
    return end


def _search_before(pattern: re.Pattern[str], text: str, done: int, end: int) -> re.Match[str] | None:
    return pattern.search(text, max(done, end - _WINDOW_CHARS), end)
