"""A long short-term memory that reads from the first token to the last; its last state is the message."""

from dataclasses import dataclass

from models.encoders.recurrent import make_lstm
from models.encoders.token_vectors import Seeds, Tensor, TokenVectors


@dataclass(frozen=True)
class LstmConfig:
    """The shape of the LSTM."""

    units: int = 128  # floats of its state


def encode_by_lstm(tokens: TokenVectors, config: LstmConfig, seeds: Seeds) -> Tensor:
    """(batch, units)."""
    return make_lstm(config.units, seeds, name=f"{tokens.feature}_lstm")(tokens.values, mask=tokens.is_token)
