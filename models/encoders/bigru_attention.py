"""Gated recurrent units in both directions, and attention that says which tokens' states count.

Zhou et al. (2016), "Attention-Based Bidirectional Long Short-Term Memory Networks for Relation Classification";
the attention's own layer is that of Yang et al. (2016), "Hierarchical Attention Networks".
"""

from dataclasses import dataclass

from models.encoders.recurrent import make_bigru
from models.encoders.token_vectors import Seeds, Tensor, TokenVectors


@dataclass(frozen=True)
class BigruAttentionConfig:
    """The shape of the GRUs and the attention."""

    units: int = 96  # floats of the state in each direction
    attention_size: int = 96  # floats in which states are compared with what matters


def encode_by_bigru_attention(tokens: TokenVectors, config: BigruAttentionConfig, seeds: Seeds) -> Tensor:
    """(batch, 2 x units)."""
    import keras
    from keras import layers, ops

    gru = make_bigru(config.units, seeds, name=f"{tokens.feature}_bigru", return_sequences=True)
    states = gru(tokens.values, mask=tokens.is_token)  # (batch, length, 2 x units)
    first, second = (keras.initializers.GlorotUniform(seed=next(seeds)) for _ in range(2))
    compare = layers.Dense(
        config.attention_size, activation="tanh", kernel_initializer=first, name=f"{tokens.feature}_compared"
    )
    score = layers.Dense(1, use_bias=False, kernel_initializer=second, name=f"{tokens.feature}_scores")
    scores = score(compare(states))  # (batch, length, 1)
    weights = ops.softmax(scores + (tokens.mask - 1) * 1e9, axis=1)
    return ops.sum(states * weights * tokens.mask, axis=1)
