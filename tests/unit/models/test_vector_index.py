"""The nearest vectors by usearch's graph."""

import numpy as np

from models.vector_index import VectorIndex, build_vector_index


def test_the_nearest_are_found_after_the_bytes_travelled() -> None:
    vectors = np.random.default_rng(1).normal(size=(300, 16)).astype(np.float32)
    index = VectorIndex(build_vector_index(vectors).content)
    asked = vectors[7] + 0.1
    cosines = vectors @ asked / np.linalg.norm(vectors, axis=1) / np.linalg.norm(asked)
    places = index.find(asked, 5)
    assert places.tolist() == np.argsort(-cosines)[:5].tolist()
    np.testing.assert_allclose(index.compare(asked, places), cosines[places], atol=1e-3)
