"""One compiled call for any number of rows, and the best classes of its result."""

import numpy as np
import pytest

from models.encoders.cnn import CnnConfig
from models.network import build_network, with_probabilities
from models.network_config import NetworkConfig
from models.predictor import Ids, compile_network, top_classes
from models.vocabulary import InputSpec

INPUTS = {"morphemes": InputSpec(50, 6), "characters": InputSpec(40, 13)}


def _ids(rows: int, *, seed: int = 0) -> Ids:
    """Rows of every length, none and the whole included."""
    random = np.random.default_rng(seed)
    ids = {n: random.integers(1, spec.size, (rows, spec.length)).astype(np.int32) for n, spec in INPUTS.items()}
    for name, spec in INPUTS.items():
        ids[name][np.arange(spec.length) >= random.integers(0, spec.length + 1, rows)[:, None]] = 0
    return ids


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 40])
def test_compiled_and_plain_network_agree(rows: int) -> None:
    config = NetworkConfig(embedding_size=8, cnn=CnnConfig(filters=8))
    network = with_probabilities(build_network(INPUTS, classes=5, config=config))
    ids = _ids(rows)

    found = compile_network(network, batch_rows=8)(ids)

    expected = network(ids).numpy() if rows else np.empty((0, 5))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_any_number_of_rows_is_traced_once() -> None:
    network = with_probabilities(build_network(INPUTS, classes=5, config=NetworkConfig(cnn=CnnConfig(filters=8))))
    calls = []
    network.call = lambda ids, training: calls.append(1) or type(network).call(network, ids, training=training)
    predict = compile_network(network, batch_rows=8)
    for rows in (1, 9, 17):
        predict(_ids(rows, seed=rows))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("count", "classes", "found"),
    [
        (1, [[1], [2], [0]], [[0.7], [0.5], [0.4]]),
        (2, [[1, 0], [2, 1], [0, 1]], [[0.7, 0.2], [0.5, 0.3], [0.4, 0.4]]),
        (9, [[1, 0, 2], [2, 1, 0], [0, 1, 2]], [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]]),
    ],
)
def test_top_classes_come_best_first(count: int, classes: list[list[int]], found: list[list[float]]) -> None:
    probabilities = np.array([[0.2, 0.7, 0.1], [0.2, 0.3, 0.5], [0.4, 0.4, 0.2]], dtype=np.float32)
    top, values = top_classes(probabilities, count)
    assert top.tolist() == classes
    np.testing.assert_array_equal(values, np.array(found, dtype=np.float32))


def test_no_rows_have_no_top_classes() -> None:
    top, values = top_classes(np.empty((0, 5), dtype=np.float32), 3)
    assert top.shape == values.shape == (0, 3)
