"""Predictions of examples that are encoded already, as a snapshot holds them: every intent's probability."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import types as T

from pipelines.io.model_files import ModelFiles
from pipelines.io.shared_model import SharedModel, share_model
from pipelines.prediction import PredictionConfig, shared_predictor


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
