"""Predictions of messages' intents: the transform of batch and stream, and their contract."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from models.scope import score_scope
from pipelines.encoding import TextEncoder
from pipelines.io.model_files import LoadedModel, ModelFiles
from pipelines.io.shared_model import SharedModel, load_shared_model, share_model

if TYPE_CHECKING:  # TensorFlow is imported in the Python workers only
    from models.predictor import Predict

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
        T.StructField(
            "models", T.StructType([T.StructField("intent", _STRING), T.StructField("reply", _STRING)])
        ),  # the versions that predicted it
        T.StructField("sent_at", T.TimestampType()),
        T.StructField("predicted_at", T.TimestampType()),
    ]
)
_CARRIED = ["message_id", "room_id", "bot_id", "sent_at"]
_DIGITS = 6  # of a probability


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
) -> DataFrame:
    """One row of PREDICTION for each message (message_id, room_id, bot_id, sent_at and its clean text).

    `predicted_at` has a time zone. `labellers` are the models of further tasks. Each model is loaded once a Python
    worker. Where messages bring their suggested answers, `replies` (`pipelines.replies.add_replies`), the version that
    suggested them is to be given.
    """
    nothing = F.array().cast(PREDICTION["replies"].dataType).alias("replies")
    replies = [F.col("replies")] if reply_version else []
    predicted = _add_found(messages.select(*_CARRIED, "text", *replies), model, labellers or {}, config)
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
        *(replies or [nothing]),
        F.struct(F.lit(model.version).alias("intent"), F.lit(reply_version).cast(_STRING).alias("reply")).alias(
            "models"
        ),
        "sent_at",
        F.lit(predicted_at).alias("predicted_at"),
    )


def add_top_intents(rows: DataFrame, model: ModelFiles, config: PredictionConfig) -> DataFrame:
    """`rows` with `top`, the most probable intents of their clean `text`, instead of it; other columns stay."""
    return _add_found(rows, model, {}, config).select(*(name for name in rows.columns if name != "text"), "top")


def add_probabilities(examples: DataFrame, model: ModelFiles, config: PredictionConfig) -> DataFrame:
    """Each intent's probability for encoded examples (an array<int> column a feature, as in a snapshot).

    `probabilities`, array<float> in the order of the encoder's intents, takes the place of the array columns;
    the others stay.
    """
    shared = share_model(examples.sparkSession, model)
    added = T.StructField("probabilities", T.ArrayType(T.FloatType(), containsNull=False), nullable=False)
    kept = [field for field in examples.schema if not isinstance(field.dataType, T.ArrayType)]
    schema = T.StructType([*kept, added])
    return examples.mapInArrow(partial(_predict_examples, shared, config), schema)


def _add_found(
    rows: DataFrame, model: ModelFiles, labellers: Mapping[str, ModelFiles], config: PredictionConfig
) -> DataFrame:
    """`rows` with what is found in their clean `text` instead of it: `top`, `labels` and `is_out_of_scope`."""
    shared = share_model(rows.sparkSession, model)
    labelling = {task: share_model(rows.sparkSession, labeller) for task, labeller in sorted(labellers.items())}
    carried = [field for field in rows.schema.fields if field.name != "text"]
    found = [PREDICTION[name] for name in ("top", "labels", "is_out_of_scope")]
    return rows.mapInArrow(partial(_predict_texts, shared, labelling, config), T.StructType([*carried, *found]))


class TopIntents(NamedTuple):
    """What a model says of some texts, a row each."""

    classes: npt.NDArray[np.intp]  # (texts, top_k): the most probable intents, best first, indexes into the encoder's
    probabilities: npt.NDArray[np.float64]  # (texts, top_k)
    is_out_of_scope: npt.NDArray[np.bool_]  # (texts,)


@dataclass(frozen=True)
class Predictor:
    """A model in this process, compiled."""

    encoder: TextEncoder
    predict: "Predict"
    top_k: int
    scope_threshold: float = 0.0  # a text that scores less (models.scope) is out of scope

    def predict_top(self, texts: Sequence[str]) -> TopIntents:
        """The most probable intents of clean texts.

        The one way from text to prediction: the transform uses it in its Python workers, and whatever
        predicts a single message calls it directly.
        """
        from models.predictor import top_classes

        ids = self.encoder.encode(texts)
        classes, found = top_classes(self.predict(ids), self.top_k)
        is_out_of_scope = score_scope(ids, found[:, 0]) < self.scope_threshold
        return TopIntents(classes, found.astype(np.float64).round(_DIGITS), is_out_of_scope)


def create_predictor(model: LoadedModel, config: PredictionConfig) -> Predictor:
    from models.predictor import compile_network

    predict, threshold = compile_network(model.network, batch_rows=config.batch_rows), config.out_of_scope_threshold
    return Predictor(
        model.encoder, predict, config.top_k, model.encoder.scope_threshold if threshold is None else threshold
    )


@lru_cache(maxsize=8)  # the models in use, and those that they take over from
def shared_predictor(shared: SharedModel, config: PredictionConfig) -> Predictor:
    """The model of this Python worker, loaded and compiled once; on executors only."""
    return create_predictor(load_shared_model(shared), config)


def _predict_texts(
    shared: SharedModel,
    labelling: Mapping[str, SharedModel],
    config: PredictionConfig,
    batches: Iterable[pa.RecordBatch],
) -> Iterator[pa.RecordBatch]:
    predictor = shared_predictor(shared, config)
    labellers = {task: shared_predictor(labeller, replace(config, top_k=1)) for task, labeller in labelling.items()}
    for batch in batches:
        texts = [text or "" for text in batch.column("text").to_pylist()]
        is_text = np.array([bool(text.strip()) for text in texts], dtype=bool)
        said = [text for text in texts if text.strip()]
        classes, found, is_out = predictor.predict_top(said)
        entries = _pairs(predictor.encoder.intents, classes, found, names=("intent", "probability"))
        top = pa.ListArray.from_arrays(_offsets(is_text, classes.shape[1]), entries)
        labels = _label_texts(labellers, said, is_text)
        is_out_of_scope = np.ones(len(texts), dtype=bool)
        is_out_of_scope[is_text] = is_out
        carried = [name for name in batch.schema.names if name != "text"]
        columns = [*(batch.column(name) for name in carried), top, labels, pa.array(is_out_of_scope)]
        yield pa.RecordBatch.from_arrays(columns, [*carried, "top", "labels", "is_out_of_scope"])


def _label_texts(
    labellers: Mapping[str, Predictor], said: Sequence[str], is_text: npt.NDArray[np.bool_]
) -> pa.MapArray:
    """Each row's labels by task; none of a row without a text."""
    names = ("label", "probability")
    found = [
        _pairs(labeller.encoder.intents, classes, probabilities, names=names)
        for labeller in labellers.values()
        for classes, probabilities, _ in [labeller.predict_top(said)]
    ]
    none = _pairs((), np.zeros((0, 1), np.intp), np.zeros((0, 1)), names=names)
    order = np.arange(len(found) * len(said)).reshape(len(found), len(said)).T.ravel()  # by task, then by row
    tasks = pa.array([*labellers] * len(said), pa.string())
    return pa.MapArray.from_arrays(_offsets(is_text, len(found)), tasks, pa.concat_arrays([*found, none]).take(order))


def _pairs(
    labels: Sequence[str],
    classes: npt.NDArray[np.intp],
    probabilities: npt.NDArray[np.float64],
    *,
    names: tuple[str, str],
) -> pa.StructArray:
    """Each class's label with its probability, row after row."""
    taken = pa.array(labels, pa.string()).take(pa.array(classes.ravel()))
    return pa.StructArray.from_arrays([taken, pa.array(probabilities.ravel())], names)


def _offsets(is_text: npt.NDArray[np.bool_], count: int) -> pa.Array:
    """Where each row's entries begin and end: `count` of a row with a text."""
    return pa.array(np.concatenate([[0], np.cumsum(is_text) * count]), pa.int32())


def _predict_examples(
    shared: SharedModel, config: PredictionConfig, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    predictor = shared_predictor(shared, config)
    for batch in batches:
        probabilities = predictor.predict({f.name: _ids(batch, f.name, f.length) for f in predictor.encoder.features})
        rows, classes = probabilities.shape
        starts = np.arange(0, (rows + 1) * classes, classes, dtype=np.int32)
        column = pa.ListArray.from_arrays(pa.array(starts), pa.array(probabilities.ravel()))
        kept = [name for name in batch.schema.names if not pa.types.is_list(batch.schema.field(name).type)]
        carried = [batch.column(name) for name in kept]
        yield pa.RecordBatch.from_arrays([*carried, column], [*kept, "probabilities"])


def _ids(batch: pa.RecordBatch, name: str, length: int) -> npt.NDArray[np.int32]:
    """A list column as (rows, length), without a copy."""
    ids = batch.column(name).flatten().to_numpy(zero_copy_only=True)
    if len(ids) != batch.num_rows * length:
        raise ValueError(
            f"column {name}: expected {length} ids a row as the model's encoder gives, received {len(ids)} "
            f"in {batch.num_rows} rows; encode the rows with the model's own encoder"
        )
    return cast(npt.NDArray[np.int32], ids.reshape(batch.num_rows, length))
