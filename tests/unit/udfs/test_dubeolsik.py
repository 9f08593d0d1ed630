import random
import unicodedata

import pytest

from udfs.dubeolsik import from_keys, mistype, neighbours, to_keys


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("rkqt", "값"),
        ("qothd", "배송"),
        ("gkTdj", "했어".replace("했어", "핬어")),
        ("tkkf", "사ㅏㄹ"),
        ("djsswp", "언ㄴ제"),
        ("ml", "ㅢ"),
    ],
)
def test_an_input_method_composes_keystrokes(keys: str, shown: str) -> None:
    assert from_keys(keys) == shown


def test_every_syllable_survives_the_keyboard() -> None:
    syllables = [chr(code) for code in range(0xAC00, 0xD7A4)]
    assert [from_keys(to_keys(syllable)) for syllable in syllables] == syllables


@pytest.mark.parametrize("word", ["값을", "읽어요", "없는데", "앉았어", "외투", "쉬워요", "까꿍"])
def test_a_word_survives_the_keyboard(word: str) -> None:
    assert from_keys(to_keys(word)) == word


def test_a_key_has_its_neighbours() -> None:
    assert (neighbours("t"), neighbours("q"), neighbours("m"), neighbours("T")) == ("ry", "w", "n", "ry")


def test_a_mistake_changes_the_word_and_stays_nfc() -> None:
    mistakes = [mistype("배송조회", random.Random(seed)) for seed in range(50)]
    assert "배송조회" not in mistakes
    assert len(set(mistakes)) > 20
    assert all(unicodedata.is_normalized("NFC", mistake) for mistake in mistakes)


def test_only_hangul_is_typed() -> None:
    with pytest.raises(ValueError, match=r"U\+0041"):
        to_keys("A")
