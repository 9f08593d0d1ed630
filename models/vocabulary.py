"""Tokens to ids and back: what a network's embedding rows stand for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

import numpy as np
import numpy.typing as npt

PADDING_ID = 0
UNKNOWN_ID = 1
FIRST_TOKEN_ID = 2


@dataclass(frozen=True)
class InputSpec:
    """One int32 input of a network: ids below `size`, `length` of them a row."""

    size: int
    length: int


@dataclass(frozen=True)
class Vocabulary:
    """An ordered set of tokens; the first has id 2, after padding (0) and unknown (1)."""

    tokens: tuple[str, ...]

    @property
    def size(self) -> int:
        """Rows of an embedding table for it, padding and unknown included."""
        return len(self.tokens) + FIRST_TOKEN_ID

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: i for i, token in enumerate(self.tokens, FIRST_TOKEN_ID)}

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens up to the first padding; an unknown one is left out."""
        said = takewhile(lambda number: number != PADDING_ID, ids)
        return [self.tokens[number - FIRST_TOKEN_ID] for number in said if number != UNKNOWN_ID]

    def encode(self, token_lists: Sequence[Iterable[str]], length: int) -> npt.NDArray[np.int32]:
        """Ids of the first `length` tokens of each list, padded at the end: (n, length)."""
        ids = np.full((len(token_lists), length), PADDING_ID, dtype=np.int32)
        find = self._ids.get
        for row, tokens in zip(ids, token_lists, strict=True):
            found = [find(token, UNKNOWN_ID) for token in tokens][:length]
            row[: len(found)] = found
        return ids
