"""What models find in the texts of an Arrow batch, as the columns of predictions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.bot_predictions import BotTops

if TYPE_CHECKING:
    from pipelines.prediction import Predictor


def list_tops(tops: BotTops, is_text: npt.NDArray[np.bool_]) -> pa.ListArray:
    """Each row's most probable intents (PREDICTION's `top`); none of a row without a text."""
    is_class = tops.classes >= 0
    names = ("intent", "probability")
    counts = np.zeros(len(is_text), dtype=np.int64)
    counts[is_text] = is_class.sum(axis=1)
    entries = _pairs(tops.names, tops.classes[is_class], tops.probabilities[is_class], names=names)
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32()), entries)


def list_labels(
    labellers: Mapping[str, "Predictor"], said: Sequence[str], is_text: npt.NDArray[np.bool_]
) -> pa.MapArray:
    """Each row's labels by task (PREDICTION's `labels`) of what was `said`; none of a row without a text."""
    names = ("label", "probability")
    found = [
        _pairs(labeller.encoder.intents, classes, probabilities, names=names)
        for labeller in labellers.values()
        for classes, probabilities, *_ in [labeller.predict_top(said)]
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
