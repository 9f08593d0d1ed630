"""A bag of tokens as a linear classifier, for training: its table is split over a team of ranks by intents.

The table is vocabulary x intents, most of a network's weights. Were it held whole by each rank, every step
would exchange and update the rows of all ranks' tokens on all of them. So each rank of a team holds some of the
intents' columns, sums the votes of the team's tokens for these, and gives each member its own messages' sums:
ids and logits travel, no row of the table does (column-wise sharding, as recommenders split their embeddings;
Mudigere et al., 2022, "Software-Hardware Co-design for Fast and Scalable Training of Deep Learning
Recommendation Models").
"""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from models.collective import Ranks
from models.sharding import split_columns
from models.vocabulary import UNKNOWN_ID

Tensor = Any  # a keras.KerasTensor or tf.Tensor; Keras ships no types


class Votes(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Logits (batch, classes) of ids (batch, length): the sum of the votes, each times its token's weight.

    `batch` is the same on all ranks of the team, and all of them must call it together. It starts from zeros.
    """

    def __init__(self, size: int, classes: int, *, scale: float, ranks: Ranks, **layer_options: Any) -> None:
        # Config
        super().__init__(dtype="float32", **layer_options)
        self.size, self.classes, self.scale, self.ranks = size, classes, scale, ranks

    def build(self, ids_shape: Any) -> None:  # noqa: ARG002  # Keras's signature
        # Layers
        width = -(-self.classes // self.ranks.team_size)
        self.table = self.add_weight(shape=(self.size, width), initializer="zeros", name="embeddings")
        split_columns(self.table, self.classes, self.ranks)

    def compute_output_shape(self, ids_shape: Any) -> Any:
        return (ids_shape[0], self.classes)

    def call(self, ids: Tensor) -> Tensor:
        # Graph
        ids = self.ranks.gather(ids)  # (team * batch, length)
        votes = _sum_rows(self.table, ids, weigh_tokens(ids, scale=self.scale))  # (team * batch, width)
        # each rank's loss is a mean over its own batch; the table's is the mean over all of the team's
        votes = _scale_gradient(votes, 1 / self.ranks.team_size)
        return self.ranks.exchange(votes)[:, : self.classes]  # (batch, classes)


def weigh_tokens(ids: Tensor, *, scale: float) -> Tensor:
    """What each token's votes count (batch, length): the same for all of a row, 0 for padding and unknown ones."""
    is_known = ops.cast(ops.greater(ids, UNKNOWN_ID), "float32")  # (batch, length)
    known = ops.maximum(ops.sum(is_known, axis=1, keepdims=True), 1.0)  # (batch, 1)
    return is_known * (scale * ops.rsqrt(known))


def _sum_rows(table: Any, ids: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Each row's weighted sum of its known tokens' rows of the table, each of which is read once.

    A product with a sparse matrix: it is three times as fast as embedding every token and adding up, and the
    gradient has each of the table's rows once.
    """
    places = tf.where(ids > UNKNOWN_ID)  # (tokens, 2)
    distinct, columns = tf.unique(tf.gather_nd(ids, places), out_idx=tf.int64)
    shape = [tf.shape(ids, tf.int64)[0], tf.size(distinct, tf.int64)]
    matrix = tf.SparseTensor(tf.stack([places[:, 0], columns], axis=1), tf.gather_nd(weights, places), shape)
    return tf.sparse.sparse_dense_matmul(matrix, tf.gather(table.value, distinct))


def _scale_gradient(tensor: tf.Tensor, scale: float) -> tf.Tensor:
    """The tensor itself, whose gradient is `scale` times as large."""
    return scale * tensor + tf.stop_gradient((1 - scale) * tensor)
