"""A small transformer encoder: blocks of self-attention and of a layer for each token; their mean is the message.

Vaswani et al. (2017), "Attention Is All You Need"; normalized before each part, as Xiong et al. (2020), "On Layer
Normalization in the Transformer Architecture", so that it learns without a long warm-up.
"""

from dataclasses import dataclass
from typing import Any

from models.attention import attend
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
    return tokens.mean(read_by_transformer(tokens, config, seeds))


def read_by_transformer(tokens: TokenVectors, config: TransformerConfig, seeds: Seeds) -> Tensor:
    """Each token as it is meant beside the others: (batch, length, size)."""
    from keras import layers, ops

    places = ops.cumsum(ops.cast(ops.squeeze(tokens.mask, -1), "int32"), axis=1)  # (batch, length), from 1
    size = tokens.values.shape[-1]
    states = tokens.values + embed_places(places, config, seeds, size=size, name=f"{tokens.feature}_positions")
    for number in range(1, config.blocks + 1):
        name = f"{tokens.feature}_block_{number}"
        states = _add_attention(states, tokens, config, seeds, name=name)
        states = add_feed_forward(states, config, seeds, name=name)
    return layers.LayerNormalization(name=f"{tokens.feature}_norm")(states)


def embed_places(places: Tensor, config: TransformerConfig, seeds: Seeds, *, size: int, name: str) -> Tensor:
    """A learned vector of each place (from 1): (batch, length, size)."""
    import keras
    from keras import layers, ops

    initializer = keras.initializers.RandomUniform(-0.05, 0.05, seed=next(seeds))
    embedding = layers.Embedding(config.max_positions + 1, size, embeddings_initializer=initializer, name=name)
    return embedding(ops.minimum(places, config.max_positions))


def add_feed_forward(states: Tensor, config: TransformerConfig, seeds: Seeds, *, name: str) -> Tensor:
    """The states and what each token's own layer adds to them."""
    from keras import layers

    wide = layers.Dense(
        config.feed_forward, activation="gelu", kernel_initializer=_initializer(seeds), name=f"{name}_wide"
    )
    narrow = layers.Dense(states.shape[-1], kernel_initializer=_initializer(seeds), name=f"{name}_narrow")
    added = narrow(wide(layers.LayerNormalization(name=f"{name}_norm")(states)))
    return states + layers.Dropout(config.dropout, seed=next(seeds))(added)


def _add_attention(
    states: Tensor, tokens: TokenVectors, config: TransformerConfig, seeds: Seeds, *, name: str
) -> Tensor:
    from keras import layers, ops

    normalized = layers.LayerNormalization(name=f"{name}_attention_norm")(states)
    is_padding = 1 - ops.expand_dims(ops.transpose(tokens.mask, (0, 2, 1)), 1)  # (batch, 1, 1, length)
    gathered = attend(normalized, normalized, is_padding, heads=config.heads, seeds=seeds, name=name)
    return states + layers.Dropout(config.dropout, seed=next(seeds))(gathered)


def _initializer(seeds: Seeds) -> Any:
    import keras

    return keras.initializers.GlorotUniform(seed=next(seeds))
