"""A moving average of a network's weights: flatter than the last step's, and mostly better on new texts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

EVERY_STEPS = 32
"""Steps between two updates: one reads and writes every table as a whole, 0.1 s for 30 million weights."""


class WeightAverage:
    """The average of Keras variables; with `decay` 0 there is none, and everything here does nothing."""

    def __init__(self, variables: Sequence[Any], decay: float) -> None:
        self.decay = decay
        self._averaged = list(variables) if decay else []
        # numpy, as Keras would take over the tf.Variable itself
        self.variables = [keras.Variable(v.numpy(), trainable=False, name="average") for v in self._averaged]
        self._update = tf.function(self._move, jit_compile=False)

    def update(self, step: int, steps: int) -> None:
        """Follow the variables after `step` steps (from 1), `steps` of which make an epoch.

        Call it after every step; it acts after some of them and after an epoch's last. The decay starts low (as
        TensorFlow's ExponentialMovingAverage with num_updates has it), so that the first weights are forgotten
        soon.
        """
        in_epoch = (step - 1) % steps + 1
        if self.variables and (in_epoch % EVERY_STEPS == 0 or in_epoch == steps):
            decay = min(self.decay, (1 + step) / (10 + step))
            self._update(tf.constant(decay ** ((in_epoch - 1) % EVERY_STEPS + 1), tf.float32))

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Inside, the variables hold their averages."""
        self._swap()
        yield
        self._swap()

    def _move(self, decay: tf.Tensor) -> None:
        for average, variable in zip(self.variables, self._averaged, strict=True):
            average.assign_add((1 - decay) * (variable.value - average.value))

    def _swap(self) -> None:
        for average, variable in zip(self.variables, self._averaged, strict=True):
            trained = tf.identity(variable.value)
            variable.assign(average.value)
            average.assign(trained)
