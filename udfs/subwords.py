"""Runs of a token's letters, by which a token that was never seen is like those that were.

After Bojanowski et al. (2017), "Enriching Word Vectors with Subword Information": runs of jamo here, since a syllable's
final changes with the ending.
"""

import random
from collections.abc import Sequence
from functools import lru_cache

from udfs.analyzers import tokenize

SUBWORD = "\x1f"
"""What a subword begins with: no token has it, since no clean text has control characters."""


@lru_cache(maxsize=100_000)
def list_subwords(token: str) -> tuple[str, ...]:
    """The runs of 3 to 6 jamo of a token, its beginning and end marked, its tag left out; each starts with SUBWORD."""
    text = token.rpartition("/")[0] or token  # "음악/NNG"
    return tuple(SUBWORD + run for run in tokenize([text], "jamo_ngrams")[0])


def add_copies(token_lists: Sequence[Sequence[str]], *, copies: int) -> list[list[list[str]]]:
    """Each message's tokens, and beside them copies in which about half of the tokens are one of their subwords.

    Which ones follows from the tokens alone.
    """
    return [_with_copies([*tokens], copies) for tokens in token_lists]


def _with_copies(tokens: list[str], copies: int) -> list[list[str]]:
    source = random.Random(" ".join(tokens))  # no secret
    varied = [[source.choice([token, source.choice(list_subwords(token) or (token,))]) for token in tokens]
              for _ in range(copies)]  # fmt: skip
    return [tokens, *varied]
