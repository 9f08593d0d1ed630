"""Predictions of messages' intents: the transform of batch and stream, and their contract."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from models.scope import known_share, score_scope
from pipelines.bot_predictions import PROBABILITY_DIGITS, predict_by_bot
from pipelines.encoding import Encoded, TextEncoder
from pipelines.errors import MalgilError
from pipelines.io.bot_heads import BotSource, shared_heads
from pipelines.io.model_files import LoadedModel, ModelFiles, version_id
from pipelines.io.shared_model import SharedModel, load_shared_model, share_model
from pipelines.prediction_columns import list_labels, list_tops
from pipelines.schemas import ANSWERS, FOUND_SLOTS

if TYPE_CHECKING:  # TensorFlow is imported in the Python workers only
    from models.predictor import Predict
    from pipelines.passage_index import ReadSentences

_STRING = T.StringType()
_LABEL = T.StructType([T.StructField("label", _STRING), T.StructField("probability", T.DoubleType())])
_LABELS = T.MapType(_STRING, _LABEL)
_TOP = T.ArrayType(T.StructType([T.StructField("intent", _STRING), T.StructField("probability", T.DoubleType())]))
PREDICTION = T.StructType(
    [
        T.StructField("message_id", _STRING),
        T.StructField("room_id", _STRING),
        T.StructField("bot_id", _STRING),
        T.StructField("intent", _STRING),  # the most probable one; null where the message has no text
        T.StructField("confidence", T.DoubleType()),  # its probability
        T.StructField("top", _TOP),  # the most probable ones, best first; empty where there is no text
        T.StructField("labels", _LABELS),  # by task, of those that have a model
        T.StructField("is_out_of_scope", T.BooleanType()),  # it scores below the threshold, or has no text
        T.StructField("replies", T.ArrayType(_STRING)),
        T.StructField("slots", FOUND_SLOTS),
        T.StructField("answers", ANSWERS),  # passages of the bot's knowledge base, best first
        T.StructField(
            "models",
            T.StructType([T.StructField(part, _STRING) for part in ("intent", "reply", "bot", "slots", "knowledge")]),
        ),  # the versions that predicted it; `bot` is null where a bot has no head, `knowledge` where it knows nothing
        T.StructField("sent_at", T.TimestampType()),
        T.StructField("predicted_at", T.TimestampType()),
    ]
)
_CARRIED = ["message_id", "room_id", "bot_id", "sent_at"]


@dataclass(frozen=True)
class PredictionConfig:
    """How messages are predicted."""

    batch_rows: int = 256  # messages a call of the network
    top_k: int = 3  # most probable intents kept a message
    # a message that scores less is out of scope, 0 to 1; null: the version's own
    out_of_scope_threshold: float | None = None


def add_predictions(
    messages: DataFrame,
    model: ModelFiles,
    config: PredictionConfig,
    *,
    predicted_at: datetime,
    labellers: Mapping[str, ModelFiles] | None = None,
    reply_version: str | None = None,
    slots_version: str | None = None,
    bots: BotSource | None = None,
) -> DataFrame:
    """One row of PREDICTION for each message (message_id, room_id, bot_id, sent_at and its clean text).

    `predicted_at` has a time zone. `labellers` are the models of further tasks. Each model is loaded once a Python
    worker. Where messages bring their suggested answers, `replies` (`pipelines.replies.add_replies`), the version that
    suggested them is to be given; likewise with their `slots` (`pipelines.slot_filling.add_slots`). Where they bring
    `answers` and `knowledge` (`pipelines.answers.add_answers`), these are taken as they are. With `bots`, whose heads
    read this model's encoder, a bot that has a head is predicted by that. Raises MalgilError where they read another
    one's.
    """
    if bots and bots.version.champion != version_id(model):
        raise MalgilError(f"bots: expected heads for {version_id(model)}, received those for {bots.version.champion}")
    brought = {"replies": reply_version, "slots": slots_version, "answers": "answers" in messages.columns}
    parts = [F.col(name) if is_brought else _nothing(name) for name, is_brought in brought.items()]
    knowledge = F.col("knowledge") if brought["answers"] else F.lit(None).cast(_STRING).alias("knowledge")
    found = messages.select(*_CARRIED, "text", *parts, knowledge)
    predicted = _add_found(found, model, labellers or {}, config, bots)
    versions = {"intent": model.version, "reply": reply_version, "slots": slots_version}
    named = {part: F.lit(version).cast(_STRING).alias(part) for part, version in versions.items()}
    best = F.get("top", F.lit(0))
    return predicted.select(
        "message_id",
        "room_id",
        "bot_id",
        best["intent"].alias("intent"),
        best["probability"].alias("confidence"),
        "top",
        "labels",
        "is_out_of_scope",
        *brought,
        F.struct(named["intent"], named["reply"], "bot", named["slots"], "knowledge").alias("models"),
        "sent_at",
        F.lit(predicted_at).alias("predicted_at"),
    )


def _nothing(name: str) -> Column:
    """An empty list of PREDICTION's."""
    return F.array().cast(PREDICTION[name].dataType).alias(name)


def add_top_intents(rows: DataFrame, model: ModelFiles, config: PredictionConfig) -> DataFrame:
    """`rows` with `top`, the most probable intents of their clean `text`, instead of it; other columns stay."""
    return _add_found(rows, model, {}, config, None).select(*(name for name in rows.columns if name != "text"), "top")


def _add_found(
    rows: DataFrame,
    model: ModelFiles,
    labellers: Mapping[str, ModelFiles],
    config: PredictionConfig,
    bots: BotSource | None,
) -> DataFrame:
    """`rows` with what is found in their clean `text` instead of it: `top`, `labels`, `is_out_of_scope` and `bot`.

    `bot` is the version of the heads, where the row's bot has one.
    """
    shared = share_model(rows.sparkSession, model)
    labelling = {task: share_model(rows.sparkSession, labeller) for task, labeller in sorted(labellers.items())}
    carried = [field for field in rows.schema.fields if field.name != "text"]
    found = [*(PREDICTION[name] for name in ("top", "labels", "is_out_of_scope")), T.StructField("bot", _STRING)]
    return rows.mapInArrow(partial(_predict_texts, shared, labelling, config, bots), T.StructType([*carried, *found]))


class TopIntents(NamedTuple):
    """What a model says of some texts, a row each."""

    classes: npt.NDArray[np.intp]  # (texts, top_k): the most probable intents, best first, indexes into the encoder's
    probabilities: npt.NDArray[np.float64]  # (texts, top_k)
    is_out_of_scope: npt.NDArray[np.bool_]  # (texts,)
    known_share: npt.NDArray[np.float64]  # (texts,): of the tokens, those that the model met in training


class Reading(NamedTuple):
    """What a model reads in some texts, a row each."""

    ids: Encoded
    probabilities: npt.NDArray[np.float32]  # (texts, intents)
    features: npt.NDArray[np.float32]  # (texts, size), of models.features: what bots' heads read


@dataclass(frozen=True)
class Predictor:
    """A model in this process, compiled."""

    encoder: TextEncoder
    predict: "Predict"
    top_k: int
    scope_threshold: float = 0.0  # a text that scores less (models.scope) is out of scope
    predict_with_sentence: "Predict | None" = None  # the same, with what models.features adds behind the probabilities
    set_threshold: float | None = None  # for all models and heads; None: each has its own
    predict_sentence: "Predict | None" = None  # the sentence's vector alone; None: the network has none

    def predict_top(self, texts: Sequence[str]) -> TopIntents:
        """The most probable intents of clean texts.

        The one way from text to prediction: the transform uses it in its Python workers, and whatever
        predicts a single message calls it directly.
        """
        ids = self.encoder.encode(texts)
        return self.choose_top(ids, self.predict(ids))

    def choose_top(self, ids: Encoded, probabilities: npt.NDArray[np.float32]) -> TopIntents:
        """The most probable intents of the texts with these ids."""
        from models.predictor import top_classes

        classes, found = top_classes(probabilities, self.top_k)
        is_out_of_scope = score_scope(ids, found[:, 0]) < self.scope_threshold
        rounded = found.astype(np.float64).round(PROBABILITY_DIGITS)
        return TopIntents(classes, rounded, is_out_of_scope, known_share(ids))

    def read(self, texts: Sequence[str]) -> Reading:
        """What the network makes of clean texts, in one pass."""
        from models.features import read_features

        ids, classes = self.encoder.encode(texts), len(self.encoder.intents)
        given = (self.predict_with_sentence or self.predict)(ids)
        return Reading(ids, given[:, :classes], read_features(given, classes=classes))

    @property
    def read_sentences(self) -> "ReadSentences | None":
        """What makes vectors (texts, size) of clean texts; None where the network has none."""
        predict, encode = self.predict_sentence, self.encoder.encode
        return None if predict is None else lambda texts: predict(encode(texts))


def create_predictor(model: LoadedModel, config: PredictionConfig) -> Predictor:
    from models.features import sentence_network, with_sentence
    from models.predictor import compile_network

    read = compile_network(with_sentence(model.network), batch_rows=config.batch_rows)
    classes, sentence = model.network.output.shape[-1], sentence_network(model.network)
    threshold = config.out_of_scope_threshold
    return Predictor(
        model.encoder,
        lambda ids: read(ids)[:, :classes],
        config.top_k,
        model.encoder.scope_threshold if threshold is None else threshold,
        read,
        threshold,
        compile_network(sentence, batch_rows=config.batch_rows) if sentence is not None else None,
    )


@lru_cache(maxsize=8)  # the models in use, and those that they take over from
def shared_predictor(shared: SharedModel, config: PredictionConfig) -> Predictor:
    """The model of this Python worker, loaded and compiled once; on executors only."""
    return create_predictor(load_shared_model(shared), config)


def _predict_texts(
    shared: SharedModel,
    labelling: Mapping[str, SharedModel],
    config: PredictionConfig,
    bots: BotSource | None,
    batches: Iterable[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    predictor = shared_predictor(shared, config)
    labellers = {task: shared_predictor(labeller, replace(config, top_k=1)) for task, labeller in labelling.items()}
    for batch in batches:
        texts = [text or "" for text in batch.column("text").to_pylist()]
        is_text = np.array([bool(text.strip()) for text in texts], dtype=bool)
        said = [text for text in texts if text.strip()]
        bot_ids = batch.filter(pa.array(is_text)).column("bot_id").to_pylist() if bots else [None] * len(said)
        heads = shared_heads(bots).find({one for one in bot_ids if one}) if bots else {}
        tops = predict_by_bot(predictor, heads, said, bot_ids)
        labels = list_labels(labellers, said, is_text)
        is_out_of_scope, is_by_bot = np.ones(len(texts), dtype=bool), np.zeros(len(texts), dtype=bool)
        is_out_of_scope[is_text], is_by_bot[is_text] = tops.is_out_of_scope, tops.is_by_bot
        version = bots.version.version if bots else None
        by_bot = pa.array([version if one else None for one in is_by_bot], pa.string())
        carried = [name for name in batch.schema.names if name != "text"]
        found = [list_tops(tops, is_text), labels, pa.array(is_out_of_scope), by_bot]
        columns = [*(batch.column(name) for name in carried), *found]
        yield pa.RecordBatch.from_arrays(columns, [*carried, "top", "labels", "is_out_of_scope", "bot"])
