"""Convolutions of several widths, each pooled to its strongest response.

Kim (2014), "Convolutional Neural Networks for Sentence Classification".
"""

from dataclasses import dataclass, field

from models.encoders.token_vectors import Seeds, Tensor, TokenVectors


@dataclass(frozen=True)
class CnnConfig:
    """The shape of the convolutions."""

    widths: list[int] = field(default_factory=lambda: [1, 2, 3])  # tokens that a convolution sees at once
    filters: int = 64  # responses a width


def encode_by_cnn(tokens: TokenVectors, config: CnnConfig, seeds: Seeds) -> Tensor:
    """(batch, widths x filters)."""
    import keras
    from keras import layers

    pooled = []
    for width in config.widths:
        convolution = layers.Conv1D(
            config.filters,
            width,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
            name=f"{tokens.feature}_width_{width}",
        )
        # a response is at least 0, so the 0 of padding never wins over a token's
        pooled.append(layers.GlobalMaxPooling1D()(convolution(tokens.values) * tokens.mask))  # (batch, filters)
    return layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
