"""What identifies a person goes out of a message before it is written anywhere; what it said stays readable.

Each thing is replaced by its name in Korean, so that the particle after it still has a noun:
"010-1234-5678로 연락 주세요" → "[전화번호]로 연락 주세요".
"""

import re
from collections import Counter

from udfs.address_masking import ADDRESS, mask_addresses
from udfs.number_masking import (
    ACCOUNT,
    ALIEN,
    BUSINESS,
    CARD,
    NUMBER,
    ORDER,
    PHONE,
    RESIDENT,
    mask_every_digit,
    mask_numbers,
)

EMAIL = "[이메일]"
PASSWORD = "[비밀번호]"
PLACEHOLDERS = (RESIDENT, ALIEN, PHONE, CARD, ACCOUNT, BUSINESS, EMAIL, ADDRESS, ORDER, PASSWORD, NUMBER)

_PLACEHOLDER = re.compile("|".join(map(re.escape, PLACEHOLDERS)))
_MAX_PASSES = 4
_HAS_DIGIT = re.compile(r"\d")
_PLAIN_SIGNS = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_WIDE_SIGN = re.compile("[！-～　]")

# E-mail. A local part is looked for at its head only, so that the search stays linear.
_TLD = r"(?:com|net|org|kr|co|io|me|edu|컴|콤|넷|씨오|케이알)"
_DOT = rf"(?:\.|\s?(?:[.,。]|닷|쩜|점|도트|dot)\s?(?={_TLD}))"
_LABEL = r"(?:[A-Za-z0-9\-]+|컴|콤|넷|씨오|케이알)"
_HOST = r"(?:네이버|지메일|쥐메일|구글|다음|한메일|네이트|카카오|핫메일|야후|아이클라우드|아웃룩)"
_DOMAIN = (
    rf"(?:{_HOST}(?:{_DOT}{_LABEL})+|[A-Za-z0-9\-]+(?:{_DOT}{_LABEL})+"
    r"|(?:네이버|지메일|쥐메일|한메일|네이트|카카오|핫메일)(?:\s?메일)?|(?i:naver|gmail|daum|hanmail|nate|kakao)\b)"
)
_SPELLED = (  # letters and digits by their names: 제이 에스 에이치 이공일칠
    "(?:에이치|에이|비|씨|디|이|에프|지|아이|제이|케이|엘|엠|엔|오|피|큐|알|에스|티|유|브이|더블유|엑스|와이|제트"
    "|[0-9영공일삼사육륙칠팔구])"
)
_EMAIL = re.compile(
    rf"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]+(?:\s?(?:@|[(\[](?i:at)[)\]])\s?|\s(?i:at)\s){_DOMAIN}"
    rf"|(?<![가-힣A-Za-z0-9._%+\-])(?:{_SPELLED}{{1,8}}\s){{0,6}}[가-힣A-Za-z0-9._%+\-]+\s?(?:골뱅이|앳)\s?{_DOMAIN}"
    r"|(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]+@(?=[0-9\-]*[A-Za-z])[A-Za-z0-9\-]{2,}"
)

# Codes that only the word before them makes personal
_NUMBERED = "운송장|송장|예약|접수|회원|고객|승인|결제|여권|면허|면허증|인증|문의|반품|교환|환불"
_PARTICLE = r"(?:\s?(?:은|는|이|가|을|를|도|만))?\s?"
_LINK = rf"{_PARTICLE}[:=#]?\s?"
_CODE = r"(?=[A-Za-z\-_]{0,10}\d)[A-Za-z0-9](?:[\-_./]?[A-Za-z0-9]){3,40}(?:\s\d{4,}){0,3}"
_MAY_HOLD_CODE = re.compile("번호|넘버|코드|비번|암호|패스워드|(?:주문|오더)\\s?no", re.IGNORECASE)
_CODES = re.compile(
    rf"(?P<head>(?:(?P<order>(?:주문|오더)\s?(?:번호|넘버|코드|no\.?))|(?:{_NUMBERED})\s?번호){_LINK}){_CODE}"
    rf"|(?P<key>(?:비밀\s?번호|비번|패스워드|암호){_PARTICLE}[:=]?\s?)(?=[A-Za-z#*!@$%^&]{{0,10}}\d)[A-Za-z0-9#*!@$%^&]{{4,20}}",
    re.IGNORECASE,
)


def mask_pii(text: str) -> str:
    """The text with a placeholder for each resident, alien, telephone, card, account, business and order
    number, e-mail, address and password; idempotent, linear in the length of the text.

    A long number of no known kind becomes `[번호]`: rather one number too many than one let through. Prices,
    dates, times, counts and lists of sizes stay. Full-width signs are read as plain ones and come back plain.
    """
    if _WIDE_SIGN.search(text):
        text = text.translate(_PLAIN_SIGNS)
    for _ in range(_MAX_PASSES):  # a second one sees what stood beside a number; only made-up texts need more
        masked = _mask_once(text)
        if masked == text:
            return text
        text = masked
    return mask_every_digit(text)


def count_masks(text: str) -> dict[str, int]:
    """How often each placeholder stands in a masked text, for the kinds that do."""
    return dict(Counter(_PLACEHOLDER.findall(text))) if "[" in text else {}


def _mask_once(text: str) -> str:
    if "@" in text or "골뱅이" in text or "앳" in text or "at" in text or "AT" in text:
        text = _EMAIL.sub(_mask_email, text)
    if _HAS_DIGIT.search(text):
        text = mask_addresses(_CODES.sub(_mask_code, text) if _MAY_HOLD_CODE.search(text) else text)
    return mask_numbers(text)


def _mask_email(match: re.Match[str]) -> str:
    """The placeholder, behind the full stop of the sentence before if the address touches it."""
    return match[0][: len(match[0]) - len(match[0].lstrip("._%+-"))] + EMAIL


def _mask_code(match: re.Match[str]) -> str:
    if match["key"]:
        return str(match["key"]) + PASSWORD
    return str(match["head"]) + (ORDER if match["order"] else NUMBER)
