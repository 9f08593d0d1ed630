"""Gradients of one step, averaged over the ranks by Horovod: tables by the rows that were touched, the rest whole."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

SPARSE_TABLE_ROWS = 8192
"""A table of at least so many rows is exchanged and updated by row, a smaller one whole.

It depends on the table alone, so that one rank and many compute the same update.
"""

Gradient = Any  # a tf.Tensor, or tf.IndexedSlices of an embedding


def average_gradients(gradients: Sequence[Gradient], ranks: int, *, split: Sequence[bool]) -> list[Gradient]:
    """The mean of every rank's gradients: big tables as rows with distinct indices, the rest dense.

    Those of `split` tables stay as they are: rows with distinct indices, complete.
    """
    prepared = [g if mine else _prepare(g) for g, mine in zip(gradients, split, strict=True)]
    if ranks == 1:
        return prepared
    import horovod.tensorflow as hvd  # one rank needs no Horovod

    is_dense = [not isinstance(gradient, tf.IndexedSlices) for gradient in prepared]
    dense = iter(hvd.grouped_allreduce([g for g, whole in zip(prepared, is_dense, strict=True) if whole]))
    return [
        next(dense) if whole else gradient if mine else _average_rows(gradient, ranks)
        for gradient, whole, mine in zip(prepared, is_dense, split, strict=True)
    ]


def clip_gradients(gradients: Sequence[Gradient], norm: float, ranks: int, *, split: Sequence[bool]) -> list[Gradient]:
    """The averaged gradients, cut to a common norm, to which every rank adds that of its `split` tables."""
    squares = [tf.reduce_sum(tf.square(_values(gradient))) for gradient in gradients]
    common, mine = (
        tf.add_n([tf.zeros(()), *(square for square, is_mine in zip(squares, split, strict=True) if is_mine is wanted)])
        for wanted in (False, True)
    )
    if ranks > 1:
        import horovod.tensorflow as hvd

        mine = hvd.allreduce(mine, op=hvd.Sum)
    scale = norm / tf.maximum(tf.sqrt(common + mine), norm)
    return [_scale(gradient, scale) for gradient in gradients]


def sum_duplicates(slices: tf.IndexedSlices) -> tf.IndexedSlices:
    """The same gradient with each index once."""
    indices, positions = tf.unique(slices.indices)
    values = tf.math.unsorted_segment_sum(slices.values, positions, tf.size(indices))
    return tf.IndexedSlices(values, indices, slices.dense_shape)


def _prepare(gradient: Gradient) -> Gradient:
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    table_rows = tf.get_static_value(gradient.dense_shape)[0]
    return sum_duplicates(gradient) if table_rows >= SPARSE_TABLE_ROWS else tf.convert_to_tensor(gradient)


def _average_rows(slices: tf.IndexedSlices, ranks: int) -> tf.IndexedSlices:
    """Everyone's rows, gathered and summed: with two ranks less work than one allreduce over their union."""
    import horovod.tensorflow as hvd

    values = hvd.allgather(slices.values / ranks)
    indices = hvd.allgather(slices.indices)
    return sum_duplicates(tf.IndexedSlices(values, indices, slices.dense_shape))


def _values(gradient: Gradient) -> tf.Tensor:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _scale(gradient: Gradient, scale: tf.Tensor) -> Gradient:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * scale, gradient.indices, gradient.dense_shape)
    return gradient * scale
