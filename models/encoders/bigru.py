"""Gated recurrent units that read in both directions; their last states are the message.

Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation";
Schuster and Paliwal (1997), "Bidirectional Recurrent Neural Networks".
"""

from dataclasses import dataclass

from models.encoders.recurrent import make_bigru
from models.encoders.token_vectors import Seeds, Tensor, TokenVectors


@dataclass(frozen=True)
class BigruConfig:
    """The shape of the GRUs."""

    units: int = 96  # floats of the state in each direction


def encode_by_bigru(tokens: TokenVectors, config: BigruConfig, seeds: Seeds) -> Tensor:
    """(batch, 2 x units)."""
    return make_bigru(config.units, seeds, name=f"{tokens.feature}_bigru")(tokens.values, mask=tokens.is_token)
