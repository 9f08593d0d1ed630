"""A linear chain over tags: how probable a row of tags is, and whether another one is more so.

Lafferty et al. (2001), "Conditional Random Fields". A path scores its emissions (batch, length, tags) and the
transitions between its tags (tags + 1, tags), whose first row stands for the beginning. Padding behind a row scores
nothing.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Tensor = Any  # a tf.Tensor; TensorFlow's types know no shapes


def path_losses(emissions: Tensor, transitions: Tensor, tags: Tensor, is_unit: Tensor) -> Tensor:
    """The negative log-likelihood (batch,) of each row's tags (batch, length)."""
    return _sum_paths(emissions, transitions, is_unit) - score_paths(emissions, transitions, tags, is_unit)


def are_best(emissions: Tensor, transitions: Tensor, tags: Tensor, is_unit: Tensor) -> Tensor:
    """Whether no path scores higher than the row's tags: (batch,)."""

    def step(scores: Tensor) -> Tensor:
        return tf.reduce_max(scores[:, None] + tf.transpose(transitions[1:]), axis=-1)  # (batch, to)

    best = tf.reduce_max(_walk(emissions, transitions, is_unit, step), axis=-1)
    return score_paths(emissions, transitions, tags, is_unit) >= best - 1e-3


def score_paths(emissions: Tensor, transitions: Tensor, tags: Tensor, is_unit: Tensor) -> Tensor:
    """The score of each row's tags: (batch,)."""
    before = tf.pad(tags[:, :-1] + 1, ((0, 0), (1, 0)))
    gained = tf.gather(emissions, tags, batch_dims=2) + tf.gather_nd(transitions, tf.stack([before, tags], axis=-1))
    return tf.reduce_sum(tf.where(is_unit, gained, 0.0), axis=1)


def _sum_paths(emissions: Tensor, transitions: Tensor, is_unit: Tensor) -> Tensor:
    """The logarithm of the sum of all paths' exponents: (batch,)."""
    weights = tf.exp(transitions[1:])

    def step(scores: Tensor) -> Tensor:
        highest = tf.stop_gradient(tf.reduce_max(scores, axis=-1, keepdims=True))
        return tf.math.log(tf.exp(scores - highest) @ weights) + highest  # no array of batch x tags x tags

    return tf.reduce_logsumexp(_walk(emissions, transitions, is_unit, step), axis=-1)


def _walk(emissions: Tensor, transitions: Tensor, is_unit: Tensor, step: Callable[[Tensor], Tensor]) -> Tensor:
    """Scores (batch, tags) of each row's last unit; `step` leads from a unit's scores to where the next one begins."""

    def advance(scores: Tensor, unit: tuple[Tensor, Tensor]) -> Tensor:
        gained, is_one = unit
        return tf.where(is_one[:, None], step(scores) + gained, scores)

    first = transitions[0] + emissions[:, 0]
    rest = tf.transpose(emissions[:, 1:], (1, 0, 2)), tf.transpose(is_unit[:, 1:])
    return tf.foldl(advance, rest, initializer=first)
