"""Attention of several heads: what each query gathers from the keys that it may see.

Vaswani et al. (2017), "Attention Is All You Need", section 3.2. Keras's MultiHeadAttention would start its three
projections with equal weights where they are seeded, so these are layers of their own.
"""

from collections.abc import Iterator
from typing import Any

Tensor = Any  # a keras.KerasTensor; Keras ships no types


def attend(queries: Tensor, keys: Tensor, is_hidden: Tensor, *, heads: int, seeds: Iterator[int], name: str) -> Tensor:
    """(batch, queries, size of a query): of `queries` (batch, queries, size) and `keys` (batch, keys, any size).

    `is_hidden` is float32, 1 where a query must not see a key, and broadcasts to (batch, heads, queries, keys).
    """
    from keras import layers, ops

    size = queries.shape[-1]
    query, key, value = (
        layers.EinsumDense(
            "btd,dhk->bthk",
            (None, heads, size // heads),
            kernel_initializer=_initializer(seeds),
            name=f"{name}_{part}",
        )(source)
        for part, source in (("query", queries), ("key", keys), ("value", keys))
    )
    scores = ops.einsum("bqhk,bthk->bhqt", query, key) / (size // heads) ** 0.5
    weights = ops.softmax(scores - is_hidden * 1e9, axis=-1)  # (batch, heads, queries, keys)
    gathered = ops.einsum("bhqt,bthk->bqhk", weights, value)
    joined = layers.EinsumDense(
        "bthk,hkd->btd", (None, size), kernel_initializer=_initializer(seeds), name=f"{name}_joined"
    )
    return joined(gathered)


def _initializer(seeds: Iterator[int]) -> Any:
    import keras

    return keras.initializers.GlorotUniform(seed=next(seeds))
