"""Which vectors of a set are nearest to another one: usearch's graph, by the cosine."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from usearch.index import Index

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """A graph of vectors as bytes, which hold nothing that could run."""

    content: bytes

    def find(self, vector: Floats, count: int) -> Places:
        """The places of the `count` nearest ones, or a few fewer of them; approximate."""
        return self._graph.search(vector, count, threads=1).keys.astype(np.intp)

    def compare(self, vector: Floats, places: Places) -> Floats:
        """The cosine of a vector with those at these places."""
        stored = np.asarray(self._graph.get(places.astype(np.uint64)), dtype=np.float32)
        lengths = np.linalg.norm(stored, axis=1) * np.linalg.norm(vector)
        found: Floats = stored @ vector / np.maximum(lengths, np.float32(1e-9))
        return found

    @cached_property
    def _graph(self) -> Index:
        graph = Index.restore(self.content, view=True)  # no copy: the bytes are kept
        if graph is None:
            raise ValueError("vectors: expected usearch's index, received other bytes")
        return graph


def build_vector_index(vectors: Floats) -> VectorIndex:
    """An index of vectors (n, size), by their places in 0 to n - 1."""
    graph = Index(ndim=vectors.shape[1], metric="cos", dtype="f16")
    graph.add(np.arange(len(vectors), dtype=np.uint64), vectors, threads=1)
    return VectorIndex(bytes(graph.save() or b""))
