import random

import pytest

from udfs.shop_chat.templates import Endings, Voice, compile_template

ENDINGS: Endings = {"ask": {"polite": ["S나요?"], "formal": ["B니까?"], "casual": ["E?"], "chat": ["M?"]}}


def _speak(template: str, register: str) -> str:
    voice = Voice(random.Random(1), register, {"product": "운동화"}, {"shop": lambda _: "결몰"})
    return compile_template(template, ENDINGS)(voice)


@pytest.mark.parametrize(
    ("register", "expected"),
    [
        ("polite", "운동화 오나요?"),
        ("formal", "운동화 옵니까?"),
        ("casual", "운동화 와?"),
        ("chat", "운동화 옴?"),
    ],
)
def test_an_ending_follows_the_register(register: str, expected: str) -> None:
    assert _speak("{product} [오:ask]", register) == expected


def test_slots_take_particles_and_choices_nest() -> None:
    assert _speak("{shop:으로} (|)((가요))", "formal") == "결몰로 가요"


@pytest.mark.parametrize(
    "template",
    ["{product", "(가|나", "가)", "[오:nothing]", "{product:에게}", "[오]"],
    ids=lambda template: str(template),
)
def test_a_bad_template_is_an_error(template: str) -> None:
    with pytest.raises(ValueError, match=r"template|Unknown"):
        compile_template(template, ENDINGS)


def test_an_unknown_slot_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"Unknown slot \{nothing\}"):
        _speak("{nothing}", "polite")
