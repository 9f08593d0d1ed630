import random
import re

import pytest

from udfs.shop_chat import personal_data
from udfs.shop_chat.catalogue import load_catalogue
from udfs.shop_chat.personal_data import business_check_digit, luhn_sum
from udfs.shop_chat.templates import Part, Voice

_VOICE = Voice(random.Random(7), "polite", {}, load_catalogue().slots)
_TO_DIGITS = str.maketrans("공일이삼사오육칠팔구", "0123456789")


def _digits(maker: Part) -> list[str]:
    return [re.sub(r"\D", "", maker(_VOICE).translate(_TO_DIGITS)) for _ in range(500)]


def test_no_mobile_number_is_assigned() -> None:
    assert all(re.fullmatch(r"(010|8210)[01]\d{7}", digits) for digits in _digits(personal_data.phone))


def test_no_landline_has_an_exchange() -> None:
    assert all(re.fullmatch(r"(02|0[3-6]\d)0\d{2,3}\d{4}", digits) for digits in _digits(personal_data.landline))


@pytest.mark.parametrize(("maker", "centuries"), [(personal_data.resident_no, "34"), (personal_data.alien_no, "78")])
def test_no_registered_person_is_born(maker: Part, centuries: str) -> None:
    pattern = rf"[5-9]\d(0[1-9]|1[0-2])([01]\d|2[0-8])[{centuries}]\d{{6}}"
    assert all(re.fullmatch(pattern, digits) for digits in _digits(maker))


def test_no_card_passes_the_luhn_check() -> None:
    assert luhn_sum("4111111111111111") % 10 == 0
    assert all(len(digits) == 16 and luhn_sum(digits) % 10 for digits in _digits(personal_data.card))


def test_no_business_number_passes_its_check() -> None:
    assert business_check_digit("124810099") == 8
    assert all(business_check_digit(digits[:9]) != int(digits[9]) for digits in _digits(personal_data.business_no))


def test_accounts_start_with_zeros_and_mail_goes_nowhere() -> None:
    assert all(digits.startswith("000") for digits in _digits(personal_data.account))
    mails = [personal_data.email(_VOICE) for _ in range(200)]
    assert all(re.search(r"[@. ]example\.(com|net|org)$", mail) for mail in mails)


def test_addresses_stand_nowhere() -> None:
    addresses = [personal_data.address(_VOICE) for _ in range(300)]
    assert all(re.search(r"[로길] 9\d{3}|동 \d+-\d+번지", address) for address in addresses)
