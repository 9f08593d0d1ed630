"""Suggested answers to messages: settings, and the one way from a clean text to its suggestions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import types as T

from models.dual_encoder_config import DualEncoderConfig
from pipelines.clusters import ClustersConfig
from pipelines.io.model_files import LoadedModel, ModelFiles
from pipelines.io.shared_model import SharedModel, load_shared_model, share_model, shared_path
from pipelines.pairs import PairsConfig
from pipelines.prediction import PredictionConfig, Predictor, create_predictor
from pipelines.reply_promotion import ReplyPromotionConfig
from pipelines.responses import ResponsesConfig
from pipelines.seq2seq import Seq2seqRepliesConfig
from pipelines.suggestions import Ranked, ResponseSet, SuggestionsConfig, TriggerConfig, suggest

RESPONSES = "responses.json"  # the response set among a version's files
_REPLIES = T.StructField("replies", T.ArrayType(T.StringType()))


class ReplySource(Enum):
    """Where answers come from."""

    selection = "selection"  # chosen from those that agents gave (train_reply)
    seq2seq = "seq2seq"  # written by a network (train_seq2seq)


class Replier(Protocol):
    """What answers messages in a Python worker."""

    def suggest(self, texts: Sequence[str]) -> list[list[str]]:
        """The answers to each clean text, best first; none to a blank one."""


@dataclass(frozen=True)
class RepliesConfig:
    """How answers are learned from talk, and suggested."""

    source: ReplySource = ReplySource.selection  # whose champion answers, if both have one: selection or seq2seq
    pairs: PairsConfig = field(default_factory=PairsConfig)
    responses: ResponsesConfig = field(default_factory=ResponsesConfig)
    clusters: ClustersConfig = field(default_factory=ClustersConfig)
    network: DualEncoderConfig = field(default_factory=DualEncoderConfig)
    trigger: TriggerConfig = field(default_factory=TriggerConfig)
    suggestions: SuggestionsConfig = field(default_factory=SuggestionsConfig)
    promotion: ReplyPromotionConfig = field(default_factory=ReplyPromotionConfig)
    seq2seq: Seq2seqRepliesConfig = field(default_factory=Seq2seqRepliesConfig)


@dataclass(frozen=True)
class ReplyPredictor:
    """A reply model in this process, compiled."""

    predictor: Predictor
    responses: ResponseSet
    config: SuggestionsConfig

    def suggest(self, texts: Sequence[str]) -> list[list[str]]:
        """The suggested answers to each clean text, best first; none to a blank one."""
        ranked = iter(self.rank([text for text in texts if text.strip()]))
        places = [self.choose(next(ranked)) if text.strip() else [] for text in texts]
        return [[self.responses.responses[place].text for place in chosen] for chosen in places]

    def rank(self, texts: Sequence[str]) -> list[Ranked]:
        """The most probable answers to each clean text, none of which is blank."""
        if not texts:
            return []
        places, probabilities, *_ = self.predictor.predict_top(texts)
        return [Ranked(*row) for row in zip(places, probabilities, strict=True)]

    def choose(self, found: Ranked) -> list[int]:
        """The places of those that are suggested."""
        return suggest(found, self.responses, self.config)


def create_reply_predictor(model: LoadedModel, responses: ResponseSet, config: SuggestionsConfig) -> ReplyPredictor:
    """The model, ready to suggest."""
    return ReplyPredictor(create_predictor(model, PredictionConfig(top_k=config.depth)), responses, config)


def read_response_set(folder: Path) -> ResponseSet:
    """Of a version's files, which were checked."""
    return ResponseSet.from_json((folder / RESPONSES).read_text(encoding="utf8"))


def add_replies(rows: DataFrame, model: ModelFiles, config: SuggestionsConfig) -> DataFrame:
    """`rows` with `replies`, the suggested answers to their clean `text`; other columns stay."""
    return fill_replies(rows, partial(_shared_predictor, share_model(rows.sparkSession, model), config))


def fill_replies(rows: DataFrame, load: Callable[[], Replier]) -> DataFrame:
    """`rows` with `replies` by what `load` gives, which is asked for it in each Python worker and keeps it there."""
    return rows.mapInArrow(partial(_suggest_batches, load), T.StructType([*rows.schema.fields, _REPLIES]))


@lru_cache(maxsize=2)  # the model in use, and the one that it takes over from
def _shared_predictor(shared: SharedModel, config: SuggestionsConfig) -> ReplyPredictor:
    loaded = load_shared_model(shared)
    return create_reply_predictor(loaded, read_response_set(shared_path(shared)), config)


def _suggest_batches(load: Callable[[], Replier], batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    replier = load()
    for batch in batches:
        replies = replier.suggest([text or "" for text in batch.column("text").to_pylist()])
        columns = [*batch.columns, pa.array(replies, pa.list_(pa.string()))]
        yield pa.RecordBatch.from_arrays(columns, [*batch.schema.names, _REPLIES.name])
