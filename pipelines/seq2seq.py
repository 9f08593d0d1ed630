"""Answers that a network writes: settings, and the one way from a clean text to answers that may be shown.

Nothing that a network writes was read by anybody before. So each text goes through the cleaning and the masking of
messages again, and one that these would change, or that holds a mask token, a link or a blocked word, is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from models.seq2seq_config import BeamConfig, Seq2seqConfig
from pipelines.encoding import FeatureConfig, TextEncoder
from pipelines.io.model_files import LoadedModel
from pipelines.responses import may_be_said
from pipelines.self_test import check_search
from pipelines.training_set import TrainingSetConfig
from udfs.screening import near_duplicate_key
from udfs.spaced_units import join_units

if TYPE_CHECKING:  # TensorFlow: 4 s
    import keras

    from models.beam_search import Search

UNITS = "units"  # the feature of questions and answers
DECODER = "decoder.keras"  # the network beside the encoder, among a version's files
_ROWS = 64  # messages that are answered at once


def _default_units() -> FeatureConfig:
    return FeatureConfig(analyzer="spaced_characters", length=64, max_vocabulary=4_000)


@dataclass(frozen=True)
class Seq2seqRepliesConfig:
    """How answers are learned to be written, and written."""

    units: FeatureConfig = field(default_factory=_default_units)  # what questions are read and answers written in
    network: Seq2seqConfig = field(default_factory=Seq2seqConfig)
    search: BeamConfig = field(default_factory=BeamConfig)


@dataclass(frozen=True)
class Writer:
    """A model that writes answers, in this process, compiled."""

    search: "Search"
    encoder: TextEncoder
    blocklist: tuple[str, ...]
    count: int  # answers a message, at most

    def suggest(self, texts: Sequence[str]) -> list[list[str]]:
        """The answers to each clean text that may be shown, best first, none twice; none to a blank text.

        One that did not come to its end is dropped.
        """
        asked = [text for text in texts if text.strip()]
        found = iter(self._search(asked)) if asked else iter([])
        return [next(found) if text.strip() else [] for text in texts]

    def _search(self, texts: Sequence[str]) -> list[list[str]]:
        feature = self.encoder.features[0]
        found = self.search(feature.encode(texts))
        return [
            self._screen([join_units(feature.vocabulary.decode(ids)) for ids in beams[is_whole]])
            for beams, is_whole in zip(found.ids, found.is_whole, strict=True)
        ]

    def _screen(self, written: Sequence[str]) -> list[str]:
        different: dict[str, str] = {}
        for text in written:
            different.setdefault(near_duplicate_key(text), text)
        return [text for text in different.values() if may_be_said(text, self.blocklist)][: self.count]


@dataclass(frozen=True)
class WritingRules:
    """How a version writes, and what may be shown of it."""

    search: BeamConfig
    blocklist: tuple[str, ...]  # of words that no answer holds
    count: int  # answers a message, at most


def create_writer(model: LoadedModel, decoder: "keras.Model", rules: WritingRules) -> Writer:
    """A version's two networks, ready to write. Raises ModelSelfTestError where what they write cannot be right."""
    from models.beam_search import compile_search

    search = compile_search(model.network, decoder, rules.search, batch_rows=_ROWS)
    check_search(search, model.encoder, name=model.name, version=model.version)
    return Writer(search, model.encoder, rules.blocklist, rules.count)


def use_units(training_set: TrainingSetConfig, units: FeatureConfig) -> TrainingSetConfig:
    """The training set's settings for a snapshot whose one feature is the units."""
    return replace(training_set, features={UNITS: units})
