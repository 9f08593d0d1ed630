"""The dirt of real chat: each kind is a plain function of a text and a chance; three apply them by rate."""

import random
import unicodedata

from udfs.misspelling import drop_some_spaces, mistype_word, split_word
from udfs.shop_chat.catalogue import load_catalogue
from udfs.shop_chat.config import NoiseConfig

_REGISTER_FACTOR = {"polite": 0.8, "formal": 0.4, "casual": 1.3, "chat": 1.7}
_MOOD_FACTORS = {"upset": (2.5, 0.0), "calm": (0.7, 1.0), "glad": (0.0, 1.3)}  # of tears, of laughter
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_INVISIBLE = ("\u200b", "\ufeff", "\u200d", "\u00a0", "\u2060", "\u00ad")


def roughen(text: str, register: str, noise: NoiseConfig, draw: random.Random) -> str:
    """`text` as this register's customers really type it: words, then spacing, then what hangs on the end."""
    factor = _REGISTER_FACTOR[register]
    chance = draw.random
    if chance() < noise.typo * factor:
        text = mistype_word(text, draw)
    if chance() < noise.wrong_spaces * factor:
        text = split_word(text, draw)
    if chance() < noise.missing_spaces * factor:
        text = drop_some_spaces(text, draw)
    if chance() < noise.no_spaces * factor:
        text = text.replace(" ", "")
    if chance() < noise.punctuation_run * factor:
        text = stretch_punctuation(text, draw)
    return text


def decorate(text: str, register: str, mood: str, noise: NoiseConfig, draw: random.Random) -> str:
    """`text` with a sign of the mood behind it, by rate: no laughter when `upset`, no tears when `glad`."""
    factor = _REGISTER_FACTOR[register]
    tears, laughter = _MOOD_FACTORS[mood]
    rates = (("tears", noise.tears * tears), ("laughs", noise.laughter * laughter), ("emoji", noise.emoji))
    for name, rate in rates:
        if draw.random() < rate * factor:
            signs = f"{mood}_emoji" if name == "emoji" else name
            return append_sign(text, draw.choice(load_catalogue().lists[signs]), draw)
    return text


def encode_oddly(text: str, noise: NoiseConfig, draw: random.Random) -> str:
    """`text` as clients and exports spoil it: HTML, full-width digits, invisible characters, NFD; by rate."""
    chance = draw.random
    if chance() < noise.html:
        text = draw.choice(load_catalogue().lists["html"]).replace("{}", text)
    if chance() < noise.full_width:
        text = text.translate(_FULL_WIDTH)
    if chance() < noise.invisible:
        text = insert_invisible(text, draw)
    if chance() < noise.decomposed:
        text = unicodedata.normalize("NFD", text)
    return text


def stretch_punctuation(text: str, draw: random.Random) -> str:
    """The last mark is repeated, or a text without one gets dots or exclamation marks."""
    length = draw.randint(2, 5)
    mark = text[-1:] if text[-1:] in ("?", "!", ".", "~") else draw.choice((".", "!", "~"))
    return text.rstrip("?!.~") + mark * length


def append_sign(text: str, sign: str, draw: random.Random) -> str:
    """`sign` behind the text, instead of its final stop, with or without a blank."""
    return text.removesuffix(".") + draw.choice(("", " ")) + sign


def insert_invisible(text: str, draw: random.Random) -> str:
    """An invisible character at a random place."""
    at = draw.randint(0, len(text))
    return text[:at] + draw.choice(_INVISIBLE) + text[at:]


def change_slightly(text: str, draw: random.Random) -> str:
    """The same text as a person sends it again: other marks at the end, a blank less, or a word before it."""
    kind = draw.randrange(4)
    if kind == 0:
        return stretch_punctuation(text, draw)
    if kind == 1:
        return text.rstrip("?!.~ ")
    if kind == 2:
        return text.replace(" ", "", 1)
    return draw.choice(("저기 ", "아 ", "그러니까 ")) + text
