"""What a sentence encoder is given."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.vocabulary import PADDING_ID, UNKNOWN_ID, InputSpec

Tensor = Any  # a keras.KerasTensor; Keras ships no types
FIXED_VECTORS = "_vectors"  # how the name of a layer with a feature's fixed vectors ends, behind the feature's
Seeds = Iterator[int]  # of initial weights and dropouts, in the order in which they are made


@dataclass(frozen=True)
class TokenVectors:
    """A batch of messages' embedded tokens in one feature; of a message without any, all is padding."""

    values: Tensor  # (batch, length, size), 0 in the place of padding
    mask: Tensor  # (batch, length, 1), float32: 1 for a token, 0 for padding
    feature: str  # its name, for those of layers

    @property
    def is_token(self) -> Tensor:
        """(batch, length), as recurrent layers want it."""
        from keras import ops

        return ops.greater(ops.squeeze(self.mask, -1), 0)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of the tokens' `values` (batch, length, size), padding left out: (batch, size)."""
        from keras import ops

        count = ops.maximum(ops.sum(self.mask, axis=1), 1.0)  # (batch, 1)
        return ops.sum(values * self.mask, axis=1) / count


def token_mask(ids: Tensor) -> Tensor:
    """(batch, length, 1), float32: 1 for a token, 0 for padding."""
    from keras import ops

    return ops.expand_dims(ops.cast(ops.not_equal(ids, PADDING_ID), "float32"), -1)


def keep_learned(ids: Tensor, spec: InputSpec) -> Tensor:
    """The ids (batch, length) with tokens that training has not seen as unknown ones."""
    from keras import ops

    return ops.where(ids < spec.learned, ids, UNKNOWN_ID) if spec.learned else ids


def count_learned(spec: InputSpec) -> int:
    """Rows of a table of what is learned of each token."""
    return spec.learned or spec.size


def embed_fixed(ids: Tensor, spec: InputSpec, feature: str) -> Tensor:
    """The tokens' fixed vectors (batch, length, vector_size): zeros, until a snapshot's are put into the layer."""
    from keras import layers

    name = f"{feature}{FIXED_VECTORS}"
    table = layers.Embedding(spec.size, spec.vector_size, embeddings_initializer="zeros", trainable=False, name=name)
    return table(ids)
