"""Fake personal data in the spellings of real chats. No number here can belong to a person:

mobile          010-0xxx-xxxx and 010-1xxx-xxxx: in Korea's numbering plan no subscriber number starts so
landline        the exchange starts with 0, which is the trunk prefix
resident, alien birth in 2050 to 2099 (YY 50-99, century digits 3, 4 of residents and 7, 8 of foreigners)
card            16 digits that fail the Luhn check
business        10 digits that fail the tax office's check digit
account         of invented banks, and it starts with 000
e-mail          under example.com, .net and .org (RFC 2606)
address         a real district with an invented road and a building number from 9000, or an invented dong
name            the placeholders of forms and heroes of old novels (words.yaml)
"""

from collections.abc import Mapping
from random import Random

from udfs.shop_chat.templates import Part, Voice

_AREAS = ("02", "031", "032", "051", "053", "062", "042", "064")
_MAILBOXES = (
    "malgil",
    "honggd",
    "happy_day",
    "sunny",
    "kimmg",
    "bluesky",
    "cat.lover",
    "daram",
    "minty",
    "star",
)
_HOSTS = ("example.com", "example.net", "example.org", "mail.example.com")
_HANGUL_DIGITS = str.maketrans("0123456789", "공일이삼사오육칠팔구")
_BUSINESS_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)


def makers() -> Mapping[str, Part]:
    """The slots' makers by name."""
    made = (phone, landline, resident_no, alien_no, card, account, business_no, email, address)
    return {maker.__name__: maker for maker in made}


def phone(voice: Voice) -> str:
    """010-0123-4567 and its relatives with dots, blanks, no separator, +82 or in Korean digits."""
    draw = voice.random
    groups = ["010", f"{draw.choice('01')}{_digits(draw, 3)}", _digits(draw, 4)]
    kind = draw.random()
    if kind < 0.55:
        return "-".join(groups)
    if kind < 0.9:
        return draw.choice((".", " ", "", "", " - ", "ㅡ")).join(groups)
    if kind < 0.95:
        return "+82 10-" + "-".join(groups[1:])
    return draw.choice(("", " ")).join(groups).translate(_HANGUL_DIGITS)


def landline(voice: Voice) -> str:
    """02-0123-4567, 031)012-3456."""
    draw = voice.random
    area = draw.choice(_AREAS)
    rest = f"0{_digits(draw, draw.choice((2, 3)))}", _digits(draw, 4)
    return draw.choice((f"{area}-{rest[0]}-{rest[1]}", f"{area}){rest[0]}-{rest[1]}", f"{area} {rest[0]} {rest[1]}"))


def resident_no(voice: Voice) -> str:
    """A resident registration number of someone born after 2050."""
    return _registration_no(voice.random, "34")


def alien_no(voice: Voice) -> str:
    """An alien registration number of someone born after 2050."""
    return _registration_no(voice.random, "78")


def card(voice: Voice) -> str:
    """Sixteen digits that fail the Luhn check, as a card's are written."""
    draw = voice.random
    digits = draw.choice(("4", "5", "9")) + _digits(draw, 14)
    valid = (10 - luhn_sum(digits + "0") % 10) % 10
    digits += str((valid + draw.randint(1, 9)) % 10)
    separator = draw.choice(("-", "-", " ", ""))
    return separator.join(digits[i : i + 4] for i in range(0, 16, 4))


def account(voice: Voice) -> str:
    """An account number that starts with 000."""
    draw = voice.random
    shape = draw.choice(((2, 6), (4, 4, 2), (2, 7), (6, 3)))
    return draw.choice(("-", "-", " ")).join(["000", *(_digits(draw, length) for length in shape)])


def business_no(voice: Voice) -> str:
    """Ten digits 3-2-5 that fail the tax office's check."""
    draw = voice.random
    digits = str(draw.randint(100, 999)) + _digits(draw, 6)
    digits += str((business_check_digit(digits) + draw.randint(1, 9)) % 10)
    return draw.choice(("-", "-", "")).join((digits[:3], digits[3:5], digits[5:]))


def email(voice: Voice) -> str:
    """An address under a domain reserved for examples."""
    draw = voice.random
    mailbox = f"{draw.choice(_MAILBOXES)}{draw.choice(('', _digits(draw, 2), _digits(draw, 4)))}"
    return mailbox + draw.choice(("@", "@", "@", "@", " @ ")) + draw.choice(_HOSTS)


def address(voice: Voice) -> str:
    """A road or lot address that stands nowhere."""
    draw = voice.random
    if draw.random() < 0.7:
        place = f"{voice.fill('road')} {draw.randint(9000, 9999)}"
    else:
        place = f"{voice.fill('dong')} {draw.randint(1, 999)}-{draw.randint(1, 40)}번지"
    home = f"{draw.randint(101, 130)}동 {draw.randint(1, 25)}{draw.randint(1, 6):02d}호"
    extra = draw.choice((f", {home}", f" {voice.fill('building')} {home}", f" {draw.randint(1, 5)}층", ""))
    return f"{voice.fill('district')} {place}{extra}"


def luhn_sum(digits: str) -> int:
    """The Luhn sum of a number; a real card's is a multiple of 10 (ISO/IEC 7812-1)."""
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return sum(int(digit) for digit in digits[-1::-2]) + sum(value - 9 if value > 9 else value for value in doubled)


def business_check_digit(digits: str) -> int:
    """The tenth digit of a business registration number for its first nine."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, _BUSINESS_WEIGHTS, strict=True))
    return (10 - (total + int(digits[8]) * 5 // 10) % 10) % 10


def _registration_no(draw: Random, centuries: str) -> str:
    birth = f"{draw.randint(50, 99)}{draw.randint(1, 12):02d}{draw.randint(1, 28):02d}"
    return birth + draw.choice(("-", "-", " ", "", " - ")) + draw.choice(centuries) + _digits(draw, 6)


def _digits(draw: Random, count: int) -> str:
    return f"{int(draw.random() * 10**count):0{count}d}"
