import pytest

from udfs.shop_chat.particles import attach_particle, choose_particle


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("운동화", "이", "운동화가"),
        ("상품", "이", "상품이"),
        ("주소", "을", "주소를"),
        ("계좌이체", "으로", "계좌이체로"),
        ("신용카드 결제", "으로", "신용카드 결제로"),
        ("무통장입금", "으로", "무통장입금으로"),
        ("메일", "으로", "메일로"),
        ("노르딕온", "이랑", "노르딕온이랑"),
        ("XL", "은", "XL은"),
        ("S", "은", "S는"),
        ("010-0123-4567", "으로", "010-0123-4567로"),
        ("010-0123-4563", "으로", "010-0123-4563으로"),
        ("홍길동", "이에요", "홍길동이에요"),
        ("심청이네 주소", "이에요", "심청이네 주소예요"),
    ],
)
def test_a_particle_follows_the_last_sound(word: str, particle: str, expected: str) -> None:
    assert attach_particle(word, particle) == expected


@pytest.mark.parametrize(
    ("particle", "expected"), [("이", "산 게"), ("은", "산 건"), ("을", "산 걸"), ("으로", "산 거로")]
)
def test_the_dependent_noun_melts(particle: str, expected: str) -> None:
    assert attach_particle("산 거", particle) == expected


def test_an_unknown_particle_is_an_error() -> None:
    with pytest.raises(ValueError, match="Unknown particle"):
        choose_particle("값", "에게")
