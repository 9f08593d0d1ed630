"""The mean of the weights over the last part of training: what is validated and kept in the place of the last ones.

Polyak and Juditsky (1992), "Acceleration of Stochastic Approximation by Averaging", as an exponential mean, since early
stopping does not know where the last part begins. It is taken every few steps: each time costs a pass over all weights.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from models.sharding import owners, split_columns

EVERY = 8
"""Steps from one look at the weights to the next: the mean of every eighth is as good as that of all."""


@dataclass(frozen=True)
class Averages:
    """Means of variables, in their order, split like them; what is not trained stands for itself."""

    variables: Sequence[Any]
    move: Callable[[tf.Tensor], None]  # towards the weights, by a share


def build_averages(weights: Sequence[Any], trained: Sequence[Any]) -> Averages:
    """Means of those of the `weights` that are `trained`, which start from their values."""
    names = {id(variable) for variable in trained}
    means = [_copy(variable) if id(variable) in names else variable for variable in weights]
    pairs = [(mean, weight) for mean, weight in zip(means, weights, strict=True) if mean is not weight]

    def move(share: tf.Tensor) -> None:
        for mean, weight in pairs:
            mean.assign(mean + share * (weight - mean))

    return Averages(means, tf.function(move, input_signature=[tf.TensorSpec((), tf.float32)]))


def update_averages(averages: Averages, *, done: int, steps: int, epochs: float) -> None:
    """Take the weights in after step `done` (from 1) of a run of `steps` an epoch, if it is one of those looked at.

    The mean is over about so many `epochs`; until there are as many, over all so far.
    """
    looks = math.ceil(steps / EVERY)  # an epoch
    epoch, step = divmod(done - 1, steps)
    if (step + 1) % EVERY and step + 1 < steps:
        return
    number = epoch * looks + math.ceil((step + 1) / EVERY)
    averages.move(tf.constant(max(-math.expm1(-1 / (epochs * looks)), 1 / number), tf.float32))


def _copy(variable: Any) -> keras.Variable:
    mean = keras.Variable(variable.numpy(), trainable=False, name=f"{variable.name}_mean")
    if ranks := owners(variable):
        split_columns(mean, variable.malgil_columns, ranks)
    return mean
