"""GloVe as a network that the ranks train: the product of two tokens' vectors says how often they stand together.

Pennington, Socher and Manning (2014), "GloVe: Global Vectors for Word Representation". Theirs is trained by AdaGrad on
one machine; here by the optimizer that trains every network, whose steps are by row as well.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers, ops

from models.collective import Ranks
from models.glove_config import CONTEXT, COUNT_SCALE, TOKEN, GloveShape
from models.vocabulary import InputSpec
from models.weights import assign_variables, load_npz

_POWER = 0.75  # of a count's share of `max_count`, as in the paper


class Glove(keras.Model):  # type: ignore[misc]  # Keras ships no types
    """From ids of two tokens (batch, 1) to the logarithm of how often they stand together (batch, 1)."""

    max_count = 0.0

    def measure_rows(self, outputs: tf.Tensor, labels: tf.Tensor, *, label_smoothing: float = 0.0) -> tuple[Any, Any]:  # noqa: ARG002  # nothing to smooth
        """Each pair's squared error, weighted, and whether its count is right within a factor of two."""
        counts = tf.cast(labels, tf.float32) / COUNT_SCALE
        error = outputs[:, 0] - tf.math.log(counts)
        weights = tf.minimum(counts / self.max_count, 1.0) ** _POWER
        return weights * tf.square(error), tf.abs(error) < tf.math.log(2.0)


def build_network(
    inputs: Mapping[str, InputSpec],
    *,
    classes: int,  # noqa: ARG001  # counts are no classes
    config: GloveShape,
    ranks: Ranks | None = None,  # noqa: ARG001  # no table is split
) -> Glove:
    """The network of a snapshot of co-occurrences. The same config gives the same initial weights."""
    ids = {name: keras.Input((1,), dtype="int32", name=name) for name in (TOKEN, CONTEXT)}
    vectors, biases = [], []
    for number, (name, spec) in enumerate(inputs.items()):
        limit = 0.5 / config.size
        initializer = keras.initializers.RandomUniform(-limit, limit, seed=2 * config.seed + number)
        table = layers.Embedding(spec.size, config.size, embeddings_initializer=initializer, name=f"{name}_vectors")
        bias = layers.Embedding(spec.size, 1, embeddings_initializer="zeros", name=f"{name}_biases")
        vectors.append(table(ids[name])[:, 0])  # (batch, size)
        biases.append(bias(ids[name])[:, 0])  # (batch, 1)
    together = ops.sum(vectors[0] * vectors[1], axis=-1, keepdims=True) + biases[0] + biases[1]
    network = Glove(ids, layers.Identity(dtype="float32", name="log_count")(together), name="glove")
    network.max_count = config.max_count
    return network


def load_token_vectors(
    inputs: Mapping[str, InputSpec], config: GloveShape, weights_url: str
) -> npt.NDArray[np.float32]:
    """A vector for each id out of trained weights: as token and as context together, as the paper does."""
    network = build_network(inputs, classes=0, config=config)
    assign_variables(network.variables, load_npz(weights_url)[0]["weights"])
    tables = [network.get_layer(f"{name}_vectors").get_weights()[0] for name in (TOKEN, CONTEXT)]
    summed: npt.NDArray[np.float32] = tables[0] + tables[1]
    return summed
