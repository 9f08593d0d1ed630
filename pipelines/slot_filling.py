"""Slots of messages: settings, and the one way from a clean text to its slots, in the message as it was sent."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import types as T

from models.tagger_config import TaggerConfig
from pipelines.encoding import Encoded, TextEncoder
from pipelines.io.model_files import LoadedModel, ModelFiles
from pipelines.io.shared_model import SharedModel, load_shared_model, share_model, shared_path
from pipelines.schemas import FOUND_SLOTS
from pipelines.slot_promotion import SlotPromotionConfig
from pipelines.tagged_set import TaggedSetConfig
from udfs.annotations import Span
from udfs.edits import Edit, to_original
from udfs.tagging_units import Unit, find_spans, list_aspects, may_follow, read_units

if TYPE_CHECKING:  # TensorFlow is imported in the Python workers only
    from models.tag_reader import FindTags

TRANSITIONS = "transitions.json"  # the chain's numbers among a version's files
BATCH_ROWS = 256  # messages a call of the network
_NEVER = -1e4  # what a transition scores that no row of tags has
_ARROW_SLOTS = pa.list_(
    pa.struct([("slot", pa.string()), ("text", pa.string()), ("start", pa.int32()), ("end", pa.int32())])
)


@dataclass(frozen=True)
class SlotFillingConfig:
    """How slots are learned."""

    tagged: TaggedSetConfig = field(default_factory=TaggedSetConfig)
    network: TaggerConfig = field(default_factory=TaggerConfig)
    promotion: SlotPromotionConfig = field(default_factory=SlotPromotionConfig)


class FoundSlot(NamedTuple):
    """A slot's value: what the clean text says, and where that stands in the message as it was sent."""

    slot: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class SlotTagger:
    """A model that finds slots, in this process, compiled."""

    encoder: TextEncoder  # its intents are the tags
    transitions: npt.NDArray[np.float32]  # (tags + 1, tags)
    find_tags: "FindTags"

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """The slots of each clean text, in order; none of a blank one."""
        units = [read_units(text) for text in texts]
        if not any(units):
            return [[] for _ in texts]
        tags = self.find_tags(self._encode(texts, units))
        names = self.encoder.intents
        return [find_spans(of_text, [names[i] for i in row]) for of_text, row in zip(units, tags, strict=True)]

    def _encode(self, texts: Sequence[str], units: Sequence[Sequence[Unit]]) -> Encoded:
        """All units of each text: a longer one than those that were learned is read to its end."""
        aspects = [list_aspects(*pair) for pair in zip(texts, units, strict=True)]
        longest = max(map(len, units))
        return {
            feature.name: feature.vocabulary.encode([one[feature.name] for one in aspects], longest)
            for feature in self.encoder.features
        }


def create_tagger(model: LoadedModel, transitions: npt.NDArray[np.float32]) -> SlotTagger:
    """A version's network with its chain, ready to find slots."""
    from models.tag_reader import compile_reader

    tags = model.encoder.intents
    allowed = np.array([[may_follow(before, tag) for tag in tags] for before in (None, *tags)])
    chain = np.where(allowed, transitions, np.float32(_NEVER))
    return SlotTagger(model.encoder, chain, compile_reader(model.network, chain, batch_rows=BATCH_ROWS))


def write_transitions(transitions: npt.NDArray[np.float32]) -> str:
    """The chain's numbers as a version's document."""
    return json.dumps({"transitions": transitions.round(5).tolist()})


def read_transitions(folder: Path) -> npt.NDArray[np.float32]:
    """Of a version's files, which were checked: (tags + 1, tags)."""
    value = json.loads((folder / TRANSITIONS).read_text(encoding="utf8"))
    return np.array(value["transitions"], np.float32)


def place_slots(text: str, spans: Iterable[Span], edits: Sequence[Edit]) -> list[FoundSlot]:
    """The slots of a clean text in the message that it was made of.

    What they say is the clean text's part, so that nothing that was masked or taken out comes back by them.
    """
    return [FoundSlot(slot, text[start:end], *to_original(start, end, edits)) for slot, start, end in spans]


def add_slots(messages: DataFrame, model: ModelFiles) -> DataFrame:
    """`messages` with `slots` (FOUND_SLOTS) of their clean `text` in the place of their `edits`; other columns stay."""
    shared = share_model(messages.sparkSession, model)
    kept = [one for one in messages.schema.fields if one.name not in ("edits", "slots")]
    found = T.StructType([*kept, T.StructField("slots", FOUND_SLOTS)])
    return messages.mapInArrow(partial(_find_slots, shared), found)


@lru_cache(maxsize=2)  # the model in use, and the one that it takes over from
def _shared_tagger(shared: SharedModel) -> SlotTagger:
    loaded = load_shared_model(shared)
    return create_tagger(loaded, read_transitions(shared_path(shared)))


def _find_slots(shared: SharedModel, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    tagger = _shared_tagger(shared)
    for batch in batches:
        texts = [text or "" for text in batch.column("text").to_pylist()]
        edits = [[Edit(**edit) for edit in of_text or ()] for of_text in batch.column("edits").to_pylist()]
        placed = map(place_slots, texts, tagger.find(texts), edits)
        slots = pa.array([[slot._asdict() for slot in of_text] for of_text in placed], _ARROW_SLOTS)
        names = [name for name in batch.schema.names if name not in ("edits", "slots")]
        yield pa.RecordBatch.from_arrays([*(batch.column(name) for name in names), slots], [*names, "slots"])
