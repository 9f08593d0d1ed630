"""Which passages hold the words of a text: BM25 over tokens, as a share of what a passage with all of them would score.

After Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework: BM25 and Beyond", in Lucene's form. A share
can be compared between texts, so it can have a threshold, and be added to a cosine.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import bm25s
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint32]

_K1, _B = 1.5, 0.75  # bm25s's own


@dataclass(frozen=True, eq=False)
class WordIndex:
    """Passages by their tokens; a token is known by its CRC-32, so that an index holds no dictionary."""

    tokens: Hashes  # (tokens,): ascending
    weights: Floats  # (tokens + 1,): the rarer the more; the last one is that of a token which no passage has
    columns: Mapping[str, npt.NDArray[np.generic]] = field(repr=False)  # bm25s's matrix: data, indices, indptr
    passages: int

    def score(self, tokens: Iterable[str]) -> Floats:
        """Of each passage (passages,), the share of the tokens' weight that it holds: 0 to about 1.

        A passage shorter than most may exceed 1.
        """
        hashes = np.array([zlib.crc32(token.encode()) for token in dict.fromkeys(tokens)], np.uint32)
        places = np.searchsorted(self.tokens, hashes)
        is_known = self.tokens[np.minimum(places, len(self.tokens) - 1)] == hashes
        best = self.weights[np.where(is_known, places, -1)].sum() / (1 + _K1)
        if not best:
            return np.zeros(self.passages, np.float32)
        found: Floats = self._bm25.get_scores_from_ids(places[is_known].tolist()) / best
        return found

    @cached_property
    def _bm25(self) -> bm25s.BM25:
        engine = bm25s.BM25(method="lucene", k1=_K1, b=_B)
        engine.scores = {**self.columns, "num_docs": self.passages}
        engine.nonoccurrence_array = None
        return engine


def build_word_index(passages: Sequence[Sequence[str]], *, max_passages: int) -> WordIndex:
    """An index of passages by their tokens, at least one token in all.

    A token that more than `max_passages` passages have weighs nothing: it tells little, and costs a query most.
    """
    hashed = [np.array([zlib.crc32(token.encode()) for token in tokens], np.uint32) for tokens in passages]
    known, counts = np.unique(np.concatenate([np.unique(one) for one in hashed]), return_counts=True)
    is_used = counts <= max_passages
    numbered = [np.searchsorted(known, one) for one in hashed]
    ids = [one[is_used[one]].tolist() for one in numbered]
    engine = bm25s.BM25(method="lucene", k1=_K1, b=_B)
    scores = engine.build_index_from_ids(range(len(known)), ids, show_progress=False)
    frequencies = np.append(counts, 1)  # what no passage has is as rare as what one has: among few, all is rare
    weights = np.log1p((len(passages) - frequencies + 0.5) / (frequencies + 0.5)).astype(np.float32)
    weights[:-1][~is_used] = 0.0
    return WordIndex(known, weights, {name: scores[name] for name in ("data", "indices", "indptr")}, len(passages))
