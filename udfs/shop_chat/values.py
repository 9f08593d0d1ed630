"""Values that a sentence needs fresh each time: dates, amounts, counts, order and tracking numbers."""

from collections.abc import Mapping
from datetime import date, timedelta

from udfs.shop_chat.templates import Part, Voice

_WEEKDAYS = "월화수목금토일"


def makers() -> Mapping[str, Part]:
    """The slots' makers by name."""
    made = (coming_date, past_date, amount, fee, points, count, bulk, order_no, order_digits, tracking_no)
    return {maker.__name__: maker for maker in made}


def coming_date(voice: Voice) -> str:
    """A day of the next ten: 5월 3일, 3일, 5/3, 5월 3일 일요일."""
    return _spell_date(voice, _today(voice) + timedelta(days=voice.random.randint(1, 10)))


def past_date(voice: Voice) -> str:
    """A day of the last twenty."""
    return _spell_date(voice, _today(voice) - timedelta(days=voice.random.randint(2, 20)))


def amount(voice: Voice) -> str:
    """Won without the word: 39,000, 128900, 3만 9천, 12만."""
    draw = voice.random
    thousands = draw.randint(6, 280)
    kind = draw.random()
    if kind < 0.5:
        return f"{thousands * 1000 - draw.choice((0, 100, 200)):,}"
    if kind < 0.7:
        return str(thousands * 1000 - draw.choice((0, 10, 100)))
    if thousands < 10:
        return f"{thousands}천"
    return f"{thousands // 10}만" + (f" {thousands % 10}천" if thousands % 10 else "")


def fee(voice: Voice) -> str:
    """A delivery fee in won."""
    return voice.random.choice(("2,500", "3,000", "4,000", "5,000", "6,000", "7,000"))


def points(voice: Voice) -> str:
    """A sum of bonus points."""
    return f"{voice.random.randint(2, 120) * 250:,}"


def count(voice: Voice) -> str:
    """A small count in digits or in native numerals, as it stands before 개."""
    return voice.random.choice(("2", "3", "4", "5", "두 ", "세 ", "네 ", "다섯 ", "10", "6"))


def bulk(voice: Voice) -> str:
    """A large count."""
    return voice.random.choice(("20", "30", "50", "60", "80", "100", "120", "150", "200", "300", "500"))


def order_no(voice: Voice) -> str:
    """An order number in one of the shops' spellings."""
    draw = voice.random
    day = _today(voice) - timedelta(days=draw.randint(0, 20))
    serial = draw.randint(1, 999_999)
    return draw.choice((f"{day:%Y%m%d}-{serial:07d}", f"{day:%Y%m%d}{serial:06d}", f"ORD-{day:%y%m%d}-{serial:06d}"))


def order_digits(voice: Voice) -> str:
    """Digits for links."""
    return str(voice.random.randint(100_000, 99_999_999))


def tracking_no(voice: Voice) -> str:
    """A tracking number: twelve digits that start with 000."""
    return f"000{int(voice.random.random() * 10**9):09d}"


def _spell_date(voice: Voice, day: date) -> str:
    kind = int(voice.random.random() * 5)
    if kind < 2:
        return f"{day.month}월 {day.day}일"
    return (
        f"{day.day}일",
        f"{day.month}/{day.day}",
        f"{day.month}월 {day.day}일 {_WEEKDAYS[day.weekday()]}요일",
    )[kind - 2]


def _today(voice: Voice) -> date:
    return date.fromisoformat(voice.facts["today"])
