"""Adam for one or many ranks: gradients averaged by Horovod, embeddings updated by row.

`horovod.tensorflow.keras.DistributedOptimizer` averages nothing under Keras 3 (it overrides a method that
Keras 3 never calls), so the average is taken here, in `apply`, which every Keras 3 path goes through.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

SPARSE_TABLE_ROWS = 8192
"""A table of at least so many rows is exchanged and updated by row, a smaller one whole.

It depends on the table alone, so that one rank and many compute the same update.
"""

Gradient = Any  # a tf.Tensor, or tf.IndexedSlices of an embedding


class DistributedAdam(keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """AdamW whose gradients are averaged over `ranks`, clipped by their common norm, then applied.

    Rows of a big embedding that no rank saw in a step keep their value and their moments (lazy Adam): the
    step costs what the batch has, not what the vocabulary has. `decay` is decoupled (Loshchilov and Hutter,
    2019) and falls on matrices only, in big tables on the rows in the batch.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        *,
        ranks: int = 1,
        clip_norm: float = 0.0,
        decay: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.ranks = ranks
        self.clip_norm = clip_norm
        self.decay = decay

    def apply(self, grads: Sequence[Gradient], trainable_variables: Sequence[Any] | None = None) -> None:
        """Average, clip and apply one step's gradients; every rank ends with the same variables."""
        gradients = average_gradients(grads, self.ranks)
        if self.clip_norm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip_norm)
        super().apply(gradients, trainable_variables)

    def update_step(self, gradient: Gradient, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Kingma and Ba (2015), section 2, on the whole variable or on the rows of a sparse gradient."""
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index].value, self._velocities[index].value
        rate = tf.cast(learning_rate, variable.dtype)
        step = tf.cast(self.iterations.value + 1, variable.dtype)
        corrected_rate = rate * tf.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        rows = gradient.indices if isinstance(gradient, tf.IndexedSlices) else None
        slope = tf.cast(gradient if rows is None else gradient.values, variable.dtype)

        new_momentum = _move(momentum, slope, 1 - self.beta_1, rows)
        new_velocity = _move(velocity, tf.square(slope), 1 - self.beta_2, rows)
        change = corrected_rate * new_momentum / (tf.sqrt(new_velocity) + self.epsilon)
        if self.decay and len(variable.shape) > 1:
            change += rate * self.decay * _read(variable, rows)
        _subtract(variable, change, rows)

    def get_config(self) -> dict[str, Any]:
        own = {"ranks": self.ranks, "clip_norm": self.clip_norm, "decay": self.decay}
        return {**super().get_config(), **own}


def average_gradients(gradients: Sequence[Gradient], ranks: int) -> list[Gradient]:
    """The mean of every rank's gradients: big tables as rows with distinct indices, the rest dense."""
    prepared = [_prepare(gradient) for gradient in gradients]
    if ranks == 1:
        return prepared
    import horovod.tensorflow as hvd  # one rank needs no Horovod

    is_dense = [not isinstance(gradient, tf.IndexedSlices) for gradient in prepared]
    dense = iter(hvd.grouped_allreduce([g for g, whole in zip(prepared, is_dense, strict=True) if whole]))
    return [
        next(dense) if whole else _average_rows(gradient, ranks)
        for gradient, whole in zip(prepared, is_dense, strict=True)
    ]


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


def _read(variable: tf.Variable, rows: tf.Tensor | None) -> tf.Tensor:
    return variable.read_value() if rows is None else tf.gather(variable, rows)


def _move(average: tf.Variable, target: tf.Tensor, share: float, rows: tf.Tensor | None) -> tf.Tensor:
    """Move a running average towards `target` by `share`; returns its new value (of `rows`)."""
    old = _read(average, rows)
    new = old + (target - old) * share
    if rows is None:
        average.assign(new)
    else:
        average.scatter_update(tf.IndexedSlices(new, rows))
    return new


def _subtract(variable: tf.Variable, change: tf.Tensor, rows: tf.Tensor | None) -> None:
    if rows is None:
        variable.assign_sub(change)
    else:
        variable.scatter_sub(tf.IndexedSlices(change, rows))
