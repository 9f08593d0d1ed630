"""The written catalogue (YAML beside this file), compiled: intents, finer labels and the slots' makers."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from udfs.shop_chat import personal_data, values
from udfs.shop_chat.templates import REGISTERS, Endings, Part, Voice, choose, compile_template

GENERIC = "generic"
CATEGORY = "category"
_SIGNS = ("calm_emoji", "upset_emoji", "glad_emoji", "tears", "laughs", "html", "short")
_NOTICES = ("opened", "closed", "attached", "shops")
_DOMAINS = ("delivery", "order", "payment", "returns", "product", "benefit", "account", "talk")
_ZIPF_OFFSET = 10  # the commonest of 60 intents is three times as frequent as the rarest, of 450 nine times
_ZIPF_EXPONENT = 0.6


@dataclass(frozen=True)
class Intent:
    """One written intent: how customers say it, how agents answer, and what splits it into finer ones."""

    name: str
    domain: str
    frames: tuple[Part, ...]
    answer: Part
    facet: str | None
    phrases: Mapping[str, Part]  # facet value → phrase for {f}; empty for the facet `category`
    facet_values: tuple[str, ...]  # without `generic`


@dataclass(frozen=True)
class Label:
    """An intent as it is labelled: `values` are the facet's values that it covers."""

    name: str
    intent: Intent
    values: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """Everything that can be said."""

    intents: tuple[Intent, ...]
    slots: Mapping[str, Part]
    products: Mapping[str, Mapping[str, Sequence[str]]]  # category → products, sizes
    vague: Mapping[str, Part]  # by domain; small talk has none
    flavour: Mapping[str, Part]
    suits: Mapping[str, Any]  # facet → categories, or facet → value → categories
    lists: Mapping[str, Sequence[str]]  # what goes out as it is written


@cache
def load_catalogue() -> Catalogue:
    """The catalogue of the YAML files. Raises ValueError for a template that does not compile."""
    endings = _read("endings")
    flavour = _read("flavour")
    facets = _read("facets")
    products = _read("products")
    suits = facets.pop("suits")
    plain = {name: flavour.pop(name) for name in (*_SIGNS, *_NOTICES)}
    vague = flavour.pop("vague")
    return Catalogue(
        intents=tuple(_compile_intents(endings, facets, tuple(products))),
        slots=_compile_slots(endings, products),
        suits=suits,
        products=products,
        vague={domain: _compile_all(texts, endings) for domain, texts in vague.items()},
        flavour={name: _compile_all(texts, endings) for name, texts in flavour.items()},
        lists=plain,
    )


@cache
def choose_labels(count: int) -> tuple[Label, ...]:
    """`count` labels: the written intents, then their facets' values, the first of every intent first.

    What is no label of its own stays in its intent's. Raises ValueError for a count that the catalogue lacks.
    """
    intents = load_catalogue().intents
    rounds = itertools.zip_longest(*[[(intent, value) for value in intent.facet_values] for intent in intents])
    finer = [pair for one_round in rounds for pair in one_round if pair]
    if not 2 <= count <= len(intents) + len(finer):
        raise ValueError(f"Expected 2 to {len(intents) + len(finer)} intents, received {count}: change the setting.")
    taken = finer[: max(0, count - len(intents))]
    own = {intent.name: {value for other, value in taken if other is intent} for intent in intents}
    whole = [
        Label(i.name, i, tuple(v for v in (GENERIC, *i.facet_values) if v not in own[i.name])) for i in intents[:count]
    ]
    return (*whole, *(Label(f"{intent.name}_{value}", intent, (value,)) for intent, value in taken))


@cache
def business_weights(count: int) -> tuple[tuple[Label, ...], tuple[float, ...]]:
    """The labels that customers come for (no small talk) with their cumulative Zipf-like weights.

    Ranks go through the catalogue in strides, so that no domain is frequent as a whole.
    """
    labels = [label for label in choose_labels(count) if label.intent.domain != "talk"] or list(choose_labels(count))
    stride = next(step for step in (7, 11, 13, 17, 19, 23) if len(labels) % step)
    weights = [((i * stride) % len(labels) + _ZIPF_OFFSET) ** -_ZIPF_EXPONENT for i in range(len(labels))]
    return tuple(labels), tuple(itertools.accumulate(weights))


def _read(name: str) -> Any:
    return yaml.safe_load(files("udfs.shop_chat").joinpath(f"{name}.yaml").read_text(encoding="utf-8"))


def _compile_all(templates: Sequence[str], endings: Endings) -> Part:
    return choose([compile_template(template, endings) for template in templates])


def _compile_intents(endings: Endings, facets: Any, categories: tuple[str, ...]) -> list[Intent]:
    return [
        _compile_intent(name, domain, entry, endings, facets | {CATEGORY: dict.fromkeys(categories)})
        for domain in _DOMAINS
        for name, entry in _read(f"intents/{domain}").items()
    ]


def _compile_intent(name: str, domain: str, entry: Any, endings: Endings, facets: Any) -> Intent:
    facet = entry.get("facet")
    lists = dict(facets[facet]) if facet else {}
    if "generic" in entry:
        lists[GENERIC] = entry["generic"]
    return Intent(
        name=name,
        domain=domain,
        frames=tuple(compile_template(frame, endings) for frame in entry["frames"]),
        answer=_compile_all(entry["answers"], endings),
        facet=facet,
        phrases={value: _compile_all(phrases, endings) for value, phrases in lists.items() if phrases},
        facet_values=tuple(value for value in lists if value not in (GENERIC, *entry.get("without", ()))),
    )


def _compile_slots(endings: Endings, products: Any) -> dict[str, Part]:
    words = _read("words")
    slots: dict[str, Part] = {name: _compile_word(entry, endings) for name, entry in words.items()}
    for name in ("item", "bought"):
        slots[name] = _by_category(slots.pop(f"{name}_{GENERIC}"), slots[name])
    of_product = {name: _of_category(products, f"{name}s") for name in ("size", "kind", "measure", "care")}
    return slots | of_product | dict(personal_data.makers()) | dict(values.makers())


def _compile_word(entry: Any, endings: Endings) -> Part:
    if isinstance(entry, list):
        return _compile_all(entry, endings)
    by_register = {register: _compile_all(entry[register], endings) for register in REGISTERS}
    return lambda voice: by_register[voice.register](voice)


def _of_category(products: Any, name: str) -> Part:
    words = {category: entry[name] for category, entry in products.items()}
    return lambda voice: voice.random.choice(words[voice.facts[CATEGORY]])


def _by_category(generic: Part, named: Part) -> Part:
    def speak(voice: Voice) -> str:
        return (generic if voice.facts[CATEGORY] == GENERIC else named)(voice)

    return speak
