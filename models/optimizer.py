"""Adam for one or many ranks: gradients averaged by Horovod, embeddings updated by row.

`horovod.tensorflow.keras.DistributedOptimizer` averages nothing under Keras 3 (it overrides a method that
Keras 3 never calls), so the average is taken here, in `apply`, which every Keras 3 path goes through.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from models.gradients import Gradient, average_gradients, clip_gradients
from models.sharding import owners, split_columns


class DistributedAdam(keras.optimizers.Adam):  # type: ignore[misc]  # Keras has no types
    """AdamW whose gradients are averaged over `ranks`, clipped by their common norm, then applied.

    A table that is split over a team (`models.sharding`) is updated from the own gradient, which is complete within
    the team, averaged with those of other teams.
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
        split = [owners(variable) for variable in trainable_variables or self._trainable_variables]
        gradients = average_gradients(grads, self.ranks, split=split)
        if self.clip_norm:
            gradients = clip_gradients(gradients, self.clip_norm, split=split)
        super().apply(gradients, trainable_variables)

    def build(self, variables: Sequence[Any]) -> None:
        """Make the moments, split like their variables."""
        super().build(variables)
        for variable, *moments in zip(variables, self._momentums, self._velocities, strict=True):
            for moment in moments:
                if ranks := owners(variable):
                    split_columns(moment, variable.malgil_columns, ranks)

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

    def shift_schedule(self, steps: int) -> None:
        """Ask the schedule for the rate of so many steps later; before the first step, which traces it."""
        self._learning_rate.shift(steps)

    def get_config(self) -> dict[str, Any]:
        own = {"ranks": self.ranks, "clip_norm": self.clip_norm, "decay": self.decay}
        return {**super().get_config(), **own}


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
