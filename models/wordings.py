"""The wording of a text as a vector: two vectors' product is about the cosine of their TF-IDF weights.

Nothing is learned, so words that training never saw together count as well. Each token adds its weight to one of the
vector's places, with a sign, by hashing (Weinberger et al., 2009, "Feature Hashing for Large Scale Multitask
Learning"): tokens that meet there cancel out on average. A token's weight is the square of its rank's logarithm:
vocabularies are ordered by frequency, and by Zipf's law the logarithm of a rank grows as the inverse document frequency
does.
"""

from typing import Any

from keras import layers, ops

from models.vocabulary import UNKNOWN_ID, InputSpec

Tensor = Any  # a keras.KerasTensor; Keras ships no types


def word_text(ids: Tensor, spec: InputSpec, *, size: int, name: str) -> Tensor:
    """Unit vectors (batch, size) of ids (batch, length); 0 where no token is known."""
    signs = 1.0 - 2.0 * ops.cast((ids // size) % 2, "float32")
    count = layers.CategoryEncoding(size, output_mode="count", dtype="float32", name=f"{name}_places")
    summed = count(ids % size, count_weights=weigh_by_rarity(ids, spec) * signs)
    return layers.UnitNormalization(dtype="float32", name=name)(summed)


def weigh_by_rarity(ids: Tensor, spec: InputSpec) -> Tensor:
    """A weight in [0, 1] for each token (batch, length): the rarer the more; 0 for padding and unknown ones."""
    is_known = ops.cast(ops.greater(ids, UNKNOWN_ID), "float32")
    rank = ops.cast(ops.maximum(ids, 1), "float32")
    return is_known * ops.square(ops.log(rank) / ops.log(float(spec.size)))
