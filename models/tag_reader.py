"""Predicting tags: one compiled call of the reader for any number of rows, and each row's best path."""

from collections.abc import Callable

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models.predictor import Ids
from models.viterbi import find_best_paths
from models.vocabulary import PADDING_ID

FindTags = Callable[[Ids], list[list[int]]]


def compile_reader(network: keras.Model, transitions: npt.NDArray[np.float32], *, batch_rows: int) -> FindTags:
    """A function from named ids, int32 (n, length), to the numbers of each row's tags, as many as it has units.

    Rows go through the network ordered by their lengths and cut to the longest of their batch.
    """
    names = [tensor.name for tensor in network.inputs]
    signature = {name: tf.TensorSpec((None, None), tf.int32) for name in names}

    @tf.function(input_signature=[signature], autograph=False)  # type: ignore[untyped-decorator]
    def run(ids: Ids) -> tf.Tensor:
        return network.call(ids, training=False)

    def find_tags(ids: Ids) -> list[list[int]]:
        lengths = np.count_nonzero(ids[names[0]] != PADDING_ID, axis=1)
        order = np.argsort(lengths, kind="stable")
        found: list[list[int]] = [[] for _ in order]
        for start in range(0, len(order), batch_rows):
            rows = order[start : start + batch_rows]
            longest = max(int(lengths[rows].max()), 1)
            emissions = run({name: ids[name][rows, :longest] for name in names}).numpy()
            for row, tags in zip(rows, find_best_paths(emissions, transitions, lengths[rows]).tolist(), strict=True):
                found[row] = tags[: lengths[row]]
        return found

    return find_tags
