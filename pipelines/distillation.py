"""What a network learns from another one: its probabilities, in the place of labels.

Hinton, Vinyals and Dean (2015), "Distilling the Knowledge in a Neural Network".
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import types as T

from pipelines.feed import TARGET
from pipelines.io.model_files import ModelFiles
from pipelines.io.shared_model import SharedModel, share_model
from pipelines.prediction import PredictionConfig, shared_predictor

_RULE = PredictionConfig()  # how many rows a call has no say in what a teacher thinks
_SURE = 0.9  # what a row's target gives its label, where the teacher has no say: the rest goes to all alike
_LEAST = 1e-6  # of a teacher's probability that is on intents which are learned


@dataclass(frozen=True)
class DistillationConfig:
    """Whom a network learns from, beside the labels."""

    teacher: str = ""  # a registered model and its version or alias, as NAME/VERSION; empty: nobody
    share: float = 0.7  # of the target that is the teacher's; the rest is the label's


def add_targets(
    examples: DataFrame, teacher: ModelFiles, intents: Sequence[str], config: DistillationConfig
) -> DataFrame:
    """Snapshot rows with the column TARGET: each intent's share in what is learned, in the order of `intents`.

    The teacher reads the clean text by its own encoder. An intent that only it knows is left out, and the others'
    probabilities are raised to a sum of 1.
    """
    shared = share_model(examples.sparkSession, teacher)
    field = T.StructField(TARGET, T.ArrayType(T.FloatType(), containsNull=False), nullable=False)
    schema = T.StructType([*examples.schema.fields, field])
    return examples.mapInArrow(partial(_add_targets, shared, tuple(intents), config), schema)


def mix_targets(
    probabilities: npt.NDArray[np.float32], labels: npt.NDArray[np.int32], *, share: float
) -> npt.NDArray[np.float32]:
    """Targets (rows, intents), each row's sum 1: the teacher's probabilities by `share`, else the labels, smoothed.

    The teacher's are raised to a sum of 1; where it gives these intents nothing, the label is all there is.
    """
    rows, classes = probabilities.shape
    own = np.full((rows, classes), (1 - _SURE) / classes, np.float32)
    own[np.arange(rows), labels] += _SURE
    sums = probabilities.sum(axis=1, keepdims=True)
    said = np.where(sums > _LEAST, probabilities / np.maximum(sums, _LEAST), own)
    mixed: npt.NDArray[np.float32] = (share * said + (1 - share) * own).astype(np.float32)
    return mixed


def _add_targets(
    shared: SharedModel, intents: tuple[str, ...], config: DistillationConfig, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    predictor = shared_predictor(shared, _RULE)
    theirs = {intent: i for i, intent in enumerate(predictor.encoder.intents)}
    columns = np.array([theirs.get(intent, len(theirs)) for intent in intents])
    for batch in batches:
        found = predictor.predict(predictor.encoder.encode(batch.column("text").to_pylist()))
        known = np.concatenate([found, np.zeros((len(found), 1), np.float32)], axis=1)[:, columns]
        targets = mix_targets(known, batch.column("label").to_numpy(), share=config.share)
        starts = np.arange(0, targets.size + 1, len(intents), dtype=np.int32)
        column = pa.ListArray.from_arrays(pa.array(starts), pa.array(targets.ravel()))
        yield pa.RecordBatch.from_arrays([*batch.columns, column], [*batch.schema.names, TARGET])
