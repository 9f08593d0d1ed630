"""A small transformer encoder: blocks of self-attention and of a layer for each token, then the mean.

Vaswani et al. (2017), "Attention Is All You Need"; normalized before each part, as Xiong et al. (2020), "On Layer
Normalization in the Transformer Architecture", so that it learns without a long warm-up.
"""

from dataclasses import dataclass
from typing import Any

from models.encoders.token_vectors import Seeds, Tensor, TokenVectors


@dataclass(frozen=True)
class TransformerConfig:
    """The shape of the blocks."""

    blocks: int = 2  # one after another
    heads: int = 4  # of each attention; `network.embedding_size` is shared out to them
    feed_forward: int = 192  # floats inside a token's own layer
    dropout: float = 0.1  # share of what a block adds that is dropped while training
    max_positions: int = 256  # tokens that have a place of their own; those after them share the last one


def encode_by_transformer(tokens: TokenVectors, config: TransformerConfig, seeds: Seeds) -> Tensor:
    """(batch, size)."""
    from keras import layers

    states = tokens.values + _embed_positions(tokens, config, seeds)
    for number in range(1, config.blocks + 1):
        name = f"{tokens.feature}_block_{number}"
        states = _add_attention(states, tokens, config, seeds, name=name)
        states = _add_feed_forward(states, config, seeds, name=name)
    return tokens.mean(layers.LayerNormalization(name=f"{tokens.feature}_norm")(states))


def _embed_positions(tokens: TokenVectors, config: TransformerConfig, seeds: Seeds) -> Tensor:
    import keras
    from keras import layers, ops

    places = ops.cumsum(ops.cast(ops.squeeze(tokens.mask, -1), "int32"), axis=1)  # (batch, length), from 1
    embedding = layers.Embedding(
        config.max_positions + 1,
        tokens.values.shape[-1],
        embeddings_initializer=keras.initializers.RandomUniform(-0.05, 0.05, seed=next(seeds)),
        name=f"{tokens.feature}_positions",
    )
    return embedding(ops.minimum(places, config.max_positions))


def _add_attention(
    states: Tensor, tokens: TokenVectors, config: TransformerConfig, seeds: Seeds, *, name: str
) -> Tensor:
    """Keras's MultiHeadAttention would start its three projections with equal weights where they are seeded."""
    from keras import layers, ops

    size = states.shape[-1]
    normalized = layers.LayerNormalization(name=f"{name}_attention_norm")(states)
    query, key, value = (
        layers.EinsumDense(
            "btd,dhk->bthk",
            (None, config.heads, size // config.heads),
            kernel_initializer=_initializer(seeds),
            name=f"{name}_{part}",
        )(normalized)
        for part in ("query", "key", "value")
    )
    scores = ops.einsum("bqhk,bthk->bhqt", query, key) / (size // config.heads) ** 0.5
    is_padding = 1 - ops.expand_dims(ops.transpose(tokens.mask, (0, 2, 1)), 1)  # (batch, 1, 1, length)
    weights = ops.softmax(scores - is_padding * 1e9, axis=-1)  # (batch, heads, length, length)
    gathered = ops.einsum("bhqt,bthk->bqhk", weights, value)
    joined = layers.EinsumDense(
        "bthk,hkd->btd", (None, size), kernel_initializer=_initializer(seeds), name=f"{name}_joined"
    )
    return states + layers.Dropout(config.dropout, seed=next(seeds))(joined(gathered))


def _add_feed_forward(states: Tensor, config: TransformerConfig, seeds: Seeds, *, name: str) -> Tensor:
    from keras import layers

    wide = layers.Dense(
        config.feed_forward, activation="gelu", kernel_initializer=_initializer(seeds), name=f"{name}_wide"
    )
    narrow = layers.Dense(states.shape[-1], kernel_initializer=_initializer(seeds), name=f"{name}_narrow")
    added = narrow(wide(layers.LayerNormalization(name=f"{name}_norm")(states)))
    return states + layers.Dropout(config.dropout, seed=next(seeds))(added)


def _initializer(seeds: Seeds) -> Any:
    import keras

    return keras.initializers.GlorotUniform(seed=next(seeds))
