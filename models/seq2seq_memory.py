"""What a decoder is given beside the units that were said so far."""

from dataclasses import dataclass
from typing import Any

Tensor = Any  # a keras.KerasTensor; Keras ships no types


@dataclass(frozen=True)
class Given:
    """A question that was read, and how far its answer is."""

    memory: Tensor  # (batch, length, size), a vector of each of the question's units
    is_padding: Tensor  # (batch, 1, 1, length), float32: 1 where the memory is padding
    state: Tensor  # what the decoder left behind after the unit before; at first what the encoder gave
