"""Tokens to ids and back: what a network's embedding rows stand for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import takewhile
from typing import Any

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
    learned: int = 0  # ids below it are of tokens that training has seen; 0: all are
    vector_size: int = 0  # floats of the fixed vectors that the tokens have; 0: they have none

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "InputSpec":
        """The spec that `asdict` wrote, whatever else stands beside it; what an older one lacks is the default."""
        return cls(**{field.name: value[field.name] for field in fields(cls) if field.name in value})


@dataclass(frozen=True)
class Vocabulary:
    """An ordered set of tokens; the first has id 2, after padding (0) and unknown (1)."""

    tokens: tuple[str, ...]
    learned: int = 0  # so many first ones has training seen, the rest is known by fixed vectors; 0: all of them

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
