"""Clean text to a network's inputs: the one way, in training, batch and live prediction."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from models.vocabulary import FIRST_TOKEN_ID, InputSpec, Vocabulary
from udfs.analyzers import tokenize

Encoded = dict[str, npt.NDArray[np.int32]]


@dataclass(frozen=True)
class FeatureConfig:
    """One input of the network: how text becomes its tokens, and how many of them it keeps."""

    analyzer: str = "mecab_ko"  # one of udfs.analyzers.ANALYZERS
    length: int = 24  # tokens a message; longer ones are cut, shorter ones padded
    max_vocabulary: int = 30_000  # the most frequent tokens of the training split
    min_count: int = 2  # a token seen less often in the training split is unknown


@dataclass(frozen=True)
class Feature:
    """A feature with the vocabulary that was built for it."""

    name: str
    analyzer: str
    length: int
    vocabulary: Vocabulary
    vector_size: int = 0  # floats of the tokens' fixed vectors; 0: they have none

    @property
    def spec(self) -> InputSpec:
        learned = self.vocabulary.learned and self.vocabulary.learned + FIRST_TOKEN_ID
        return InputSpec(self.vocabulary.size, self.length, learned, self.vector_size)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.int32]:
        """Token ids of clean texts: int32 (texts, length)."""
        return self.vocabulary.encode(tokenize(texts, self.analyzer), self.length)


@dataclass(frozen=True)
class TextEncoder:
    """All that turns clean text into a model's inputs, and its outputs into intents, or into none of them."""

    features: tuple[Feature, ...]
    intents: tuple[str, ...]
    scope_threshold: float = 0.0  # a message that scores less (models.scope) is out of scope; training finds it

    @property
    def inputs(self) -> dict[str, InputSpec]:
        return {feature.name: feature.spec for feature in self.features}

    def only(self, names: Sequence[str]) -> "TextEncoder":
        """The same encoder without the features that a network does not read; with all where none is named."""
        return replace(self, features=tuple(f for f in self.features if not names or f.name in names))

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Inputs by feature name, int32 (texts, length) each. Takes clean text (udfs.screening.clean_text)."""
        return {feature.name: feature.encode(texts) for feature in self.features}

    def to_json(self) -> str:
        features = {feature.name: _describe(feature) for feature in self.features}
        value = {"features": features, "intents": self.intents, "scope_threshold": self.scope_threshold}
        return json.dumps(value, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "TextEncoder":
        value = json.loads(text)
        features = tuple(_feature(name, spec) for name, spec in value["features"].items())
        return cls(features, tuple(value["intents"]), value.get("scope_threshold", 0.0))  # older ones have none


def _describe(feature: Feature) -> dict[str, Any]:
    vocabulary = feature.vocabulary
    value = {"analyzer": feature.analyzer, "length": feature.length, "tokens": vocabulary.tokens}
    return {**value, "learned": vocabulary.learned, "vector_size": feature.vector_size}


def _feature(name: str, spec: Mapping[str, Any]) -> Feature:
    return Feature(
        name=name,
        analyzer=spec["analyzer"],
        length=spec["length"],
        vocabulary=Vocabulary(tuple(spec["tokens"]), spec.get("learned", 0)),  # older ones have none
        vector_size=spec.get("vector_size", 0),
    )
