import random
import unicodedata

import pytest

from udfs.shop_chat import noise
from udfs.shop_chat.config import NoiseConfig

_SILENT = NoiseConfig(**dict.fromkeys(NoiseConfig.__dataclass_fields__, 0.0))


def test_without_rates_a_text_stays() -> None:
    text = noise.roughen("배송 언제 되나요?", "chat", _SILENT, random.Random(1))
    text = noise.decorate(text, "chat", "calm", _SILENT, random.Random(1))
    assert noise.encode_oddly(text, _SILENT, random.Random(1)) == "배송 언제 되나요?"


@pytest.mark.parametrize("text", ["배송 언제 되나요?", "ㅇㅇ", "", "ok thanks"])
def test_the_same_chance_gives_the_same_dirt(text: str) -> None:
    loud = NoiseConfig(typo=1, wrong_spaces=1, missing_spaces=1, punctuation_run=1)
    first, second = (noise.roughen(text, "polite", loud, random.Random(3)) for _ in range(2))
    assert first == second


def test_blanks_go_and_come() -> None:
    text = "배송 언제 되나요?"
    assert noise.roughen(
        text, "chat", NoiseConfig(typo=0, no_spaces=1, wrong_spaces=0, punctuation_run=0), random.Random(1)
    ) == ("배송언제되나요?")
    assert noise.drop_some_spaces(text, random.Random(1)).replace(" ", "") == "배송언제되나요?"
    assert noise.split_word(text, random.Random(1)).count(" ") == 3


def test_marks_are_stretched() -> None:
    assert set(noise.stretch_punctuation("왔나요?", random.Random(1)).removeprefix("왔나요")) == {"?"}
    assert noise.stretch_punctuation("왔어요", random.Random(1))[3:] in {
        mark * n for mark in ".!~" for n in range(2, 6)
    }


def test_an_upset_customer_does_not_laugh() -> None:
    laughing = NoiseConfig(laughter=1, tears=0, emoji=0)
    assert noise.decorate("안 왔어요.", "chat", "upset", laughing, random.Random(1)) == "안 왔어요."
    assert noise.decorate("안 왔어요.", "chat", "calm", laughing, random.Random(1))[-1] in "ㅋㅎ"


def test_encodings_are_spoiled() -> None:
    odd = noise.encode_oddly(
        "2개 왔어요", NoiseConfig(html=0, full_width=1, invisible=0, decomposed=1), random.Random(1)
    )
    assert odd == unicodedata.normalize("NFD", "２개 왔어요")
    wrapped = noise.encode_oddly("왔어요", NoiseConfig(html=1, invisible=0, decomposed=0), random.Random(4))
    assert "왔어요" in wrapped
    assert set("<&") & set(wrapped)
    assert len(noise.insert_invisible("왔어요", random.Random(1))) == 4
