"""A convolution whose responses an LSTM reads in order.

Zhou et al. (2015), "A C-LSTM Neural Network for Text Classification".
"""

from dataclasses import dataclass

from models.encoders.recurrent import make_lstm
from models.encoders.token_vectors import Seeds, Tensor, TokenVectors


@dataclass(frozen=True)
class CnnLstmConfig:
    """The shape of the convolution and the LSTM."""

    width: int = 3  # tokens that the convolution sees at once
    filters: int = 128  # its responses
    units: int = 128  # floats of the LSTM's state


def encode_by_cnn_lstm(tokens: TokenVectors, config: CnnLstmConfig, seeds: Seeds) -> Tensor:
    """(batch, units)."""
    import keras
    from keras import layers

    convolution = layers.Conv1D(
        config.filters,
        config.width,
        padding="same",
        activation="relu",
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seeds)),
        name=f"{tokens.feature}_convolution",
    )
    lstm = make_lstm(config.units, seeds, name=f"{tokens.feature}_lstm")
    return lstm(convolution(tokens.values), mask=tokens.is_token)
