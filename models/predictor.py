"""Predicting with a network: one compiled call for any number of rows, and its best classes."""

from collections.abc import Callable, Mapping

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models.lengths import count_places

Ids = Mapping[str, npt.NDArray[np.int32]]
Probabilities = npt.NDArray[np.float32]
Predict = Callable[[Ids], Probabilities]

_LENGTH_STEP = 4  # rows are cut to a multiple of it: few shapes, and no more padding than that


def compile_network(network: keras.Model, *, batch_rows: int) -> Predict:
    """A function from named ids, int32 (n, length), to the network's probabilities, float32 (n, classes).

    It is traced once, whatever n. Rows go through the network ordered by their lengths (the longest input's
    first) and cut to the longest of their batch, since padding is most of a chat message's row; on generated
    shop chat that is twice as fast. It takes a network whose output does not depend on the padding at the end
    of a row, as that of models.network does not.
    """
    names = [tensor.name for tensor in sorted(network.inputs, key=lambda tensor: tensor.shape[1])]
    signature = {name: tf.TensorSpec((None, None), tf.int32) for name in names}

    # call, not __call__: that one insists on the full length
    @tf.function(input_signature=[signature], autograph=False)  # type: ignore[untyped-decorator]
    def run(ids: Mapping[str, tf.Tensor]) -> tf.Tensor:
        return network.call(ids, training=False)

    def predict(ids: Ids) -> Probabilities:
        lengths = {name: _lengths(ids[name]) for name in names}
        order = np.lexsort(list(lengths.values()))
        probabilities = np.empty((len(order), network.output.shape[-1]), dtype=np.float32)
        for start in range(0, len(order), batch_rows):
            rows = order[start : start + batch_rows]
            batch = {name: ids[name][rows, : lengths[name][rows].max()] for name in names}
            probabilities[rows] = run(batch).numpy()
        return probabilities

    return predict


def top_classes(probabilities: Probabilities, count: int) -> tuple[npt.NDArray[np.intp], Probabilities]:
    """The `count` most probable classes of each row, best first, and their probabilities: (n, count) each.

    Of equal probabilities the lower class comes first; which of them is the last that counts is not defined.
    """
    count = min(count, probabilities.shape[1])
    classes = np.argpartition(-probabilities, count - 1, axis=1)[:, :count]
    classes.sort(axis=1)
    found = np.take_along_axis(probabilities, classes, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    return np.take_along_axis(classes, order, axis=1), np.take_along_axis(found, order, axis=1)


def _lengths(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Ids of each row up to its last one that is not padding, rounded up to a step; at least one step."""
    stepped = -(-np.maximum(count_places(ids), 1) // _LENGTH_STEP) * _LENGTH_STEP
    return np.minimum(stepped, ids.shape[1])
