"""A clean customer sentence for an intent: the facet's value, the product, a frame, an opener, a closer."""

from udfs.shop_chat.catalogue import CATEGORY, GENERIC, Catalogue, Intent, Label
from udfs.shop_chat.config import NoiseConfig
from udfs.shop_chat.templates import Voice

_FULL_STOP_KEPT = {"polite": 0.5, "formal": 0.85, "casual": 0.15, "chat": 0.1}
_GENERIC_SHARE = 0.3  # of an intent that covers all its facet's values


def speak(label: Label, voice: Voice, catalogue: Catalogue, noise: NoiseConfig, *, product: tuple[str, str]) -> str:
    """What a customer with this voice says for `label`; the voice's facts then hold what was spoken of.

    `product` is the session's (category, word). By the rates of `noise` the customer leans on the context.
    """
    value = _choose_value(label, voice, product[0])
    if voice.random.random() < noise.unnamed and label.intent.facet != "given":
        value = GENERIC
    _set_product(label.intent, value, voice, catalogue, product)
    vague = catalogue.vague.get(label.intent.domain)
    if vague and voice.random.random() < noise.vague:
        return finish(vague(voice), voice)
    phrase = label.intent.phrases.get(value)
    if phrase:
        voice.facts["f"] = phrase(voice)
    frames = label.intent.frames
    text = frames[int(voice.random.random() * len(frames))](voice)
    if label.intent.domain != "talk":
        text = voice.fill("openers") + text + voice.fill("closers")
    return finish(text, voice)


def finish(text: str, voice: Voice) -> str:
    """`text` with single blanks, and by register often without its final stop."""
    text = " ".join(text.split())
    if text.endswith(".") and voice.random.random() > _FULL_STOP_KEPT[voice.register]:
        return text.rstrip(".")
    return text


def _choose_value(label: Label, voice: Voice, category: str) -> str:
    values = label.values
    if len(values) == 1:
        return values[0]
    if GENERIC in values and voice.random.random() < _GENERIC_SHARE:
        return GENERIC
    if label.intent.facet == CATEGORY and category in values:
        return category
    return voice.random.choice(values)


def _set_product(intent: Intent, value: str, voice: Voice, catalogue: Catalogue, product: tuple[str, str]) -> None:
    category, word = product
    if intent.facet == CATEGORY and value != category:
        category, word = value, voice.random.choice(catalogue.products[value]["products"])
    elif not _is_suited(intent, value, category, catalogue):
        category, word = GENERIC, voice.random.choice(catalogue.products[GENERIC]["products"])
    voice.facts[CATEGORY] = category
    voice.facts["product"] = word


def _is_suited(intent: Intent, value: str, category: str, catalogue: Catalogue) -> bool:
    suited = catalogue.suits.get(intent.facet or "", {})
    if isinstance(suited, dict):
        suited = suited.get(value)
    return suited is None or category in suited
