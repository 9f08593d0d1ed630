"""Predictions of messages' intents: the transform of batch and stream, and their contract."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from models.scope import score_scope
from pipelines.encoding import TextEncoder
from pipelines.io.model_files import LoadedModel, ModelFiles
from pipelines.io.shared_model import SharedModel, load_shared_model, share_model

if TYPE_CHECKING:  # TensorFlow is imported in the Python workers only
    from models.predictor import Predict

_STRING = T.StringType()
_TOP = T.ArrayType(T.StructType([T.StructField("intent", _STRING), T.StructField("probability", T.DoubleType())]))
PREDICTION = T.StructType(
    [
        T.StructField("message_id", _STRING),
        T.StructField("room_id", _STRING),
        T.StructField("bot_id", _STRING),
        T.StructField("intent", _STRING),  # the most probable one; null where the message has no text
        T.StructField("confidence", T.DoubleType()),  # its probability
        T.StructField("top", _TOP),  # the most probable ones, best first; empty where there is no text
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
_TIMES = {"timeZone": "UTC", "timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX"}


@dataclass(frozen=True)
class PredictionConfig:
    """How messages are predicted."""

    batch_rows: int = 256  # messages a call of the network
    top_k: int = 3  # most probable intents kept a message
    # a message that scores less is out of scope, 0 to 1; null: the version's own
    out_of_scope_threshold: float | None = None


def add_predictions(
    messages: DataFrame, model: ModelFiles, config: PredictionConfig, *, predicted_at: datetime
) -> DataFrame:
    """One row of PREDICTION for each message (message_id, room_id, bot_id, sent_at and its clean text).

    `predicted_at` has a time zone. The model is loaded once a Python worker.
    """
    predicted = add_top_intents(messages.select(*_CARRIED, "text"), model, config)
    best = F.get("top", F.lit(0))
    return predicted.select(
        "message_id",
        "room_id",
        "bot_id",
        best["intent"].alias("intent"),
        best["probability"].alias("confidence"),
        "top",
        "is_out_of_scope",
        F.array().cast(PREDICTION["replies"].dataType).alias("replies"),
        F.struct(F.lit(model.version).alias("intent"), F.lit(None).cast(_STRING).alias("reply")).alias("models"),
        "sent_at",
        F.lit(predicted_at).alias("predicted_at"),
    )


def add_top_intents(rows: DataFrame, model: ModelFiles, config: PredictionConfig) -> DataFrame:
    """`rows` with `top`, the most probable intents of their clean `text`, and `is_out_of_scope` instead of it.

    Other columns stay.
    """
    shared = share_model(rows.sparkSession, model)
    carried = [field for field in rows.schema.fields if field.name != "text"]
    schema = T.StructType([*carried, PREDICTION["top"], PREDICTION["is_out_of_scope"]])
    return rows.mapInArrow(partial(_predict_texts, shared, config), schema)


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


def prediction_json() -> Column:
    """A row of PREDICTION as the JSON that readers get, in Redis and elsewhere (DESIGN.md, contracts).

    Times are UTC with six digits of a second, so that they sort as text. `top` is built by hand: its pairs
    mix text and numbers, which to_json has no type for.
    """
    options = {"ignoreNullFields": "false", **_TIMES}
    head = F.to_json(F.struct("message_id", "room_id", "bot_id", "intent", "confidence"), options)
    tail = F.to_json(F.struct("is_out_of_scope", "replies", "models", "sent_at", "predicted_at"), options)
    top = F.array_join(F.transform("top", _pair_json), ",")
    return F.concat(_without_last(head), F.lit(',"top":['), top, F.lit("],"), F.substr(tail, F.lit(2)))


def time_text(name: str) -> Column:
    """A time as the JSON of a prediction writes it; null for null."""
    return F.when(F.col(name).isNotNull(), F.to_csv(F.struct(name), _TIMES))


def _pair_json(entry: Column) -> Column:
    name = F.to_json(F.array(entry["intent"]))  # ["intent"], escaped
    return F.concat(_without_last(name), F.lit(","), entry["probability"].cast(_STRING), F.lit("]"))


def _without_last(text: Column) -> Column:
    return F.substr(text, F.lit(1), F.length(text) - 1)


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


@lru_cache(maxsize=2)  # the model in use, and the one that it takes over from
def shared_predictor(shared: SharedModel, config: PredictionConfig) -> Predictor:
    """The model of this Python worker, loaded and compiled once; on executors only."""
    return create_predictor(load_shared_model(shared), config)


def _predict_texts(
    shared: SharedModel, config: PredictionConfig, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    predictor = shared_predictor(shared, config)
    intents = pa.array(predictor.encoder.intents, pa.string())
    for batch in batches:
        texts = [text or "" for text in batch.column("text").to_pylist()]
        is_text = [bool(text.strip()) for text in texts]
        classes, found, is_out = predictor.predict_top([text for text in texts if text.strip()])
        names = intents.take(pa.array(classes.ravel()))
        entries = pa.StructArray.from_arrays([names, pa.array(found.ravel())], ["intent", "probability"])
        ends = np.cumsum(is_text, dtype=np.int32) * np.int32(classes.shape[1])
        top = pa.ListArray.from_arrays(pa.array(np.concatenate([[np.int32(0)], ends])), entries)
        is_out_of_scope = np.ones(len(texts), dtype=bool)
        is_out_of_scope[is_text] = is_out
        carried = [name for name in batch.schema.names if name != "text"]
        columns = [*(batch.column(name) for name in carried), top, pa.array(is_out_of_scope)]
        yield pa.RecordBatch.from_arrays(columns, [*carried, "top", "is_out_of_scope"])


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
