import math
from pathlib import Path

import numpy as np
import pytest

from models.glove import build_network, load_token_vectors
from models.glove_config import CONTEXT, COUNT_SCALE, TOKEN, GloveShape
from models.vocabulary import InputSpec
from models.weights import read_variables, save_npz

INPUTS = {TOKEN: InputSpec(6, 1), CONTEXT: InputSpec(6, 1)}
SHAPE = GloveShape(size=4, max_count=16.0, seed=1)
PAIR = {TOKEN: np.array([[2]], np.int32), CONTEXT: np.array([[3]], np.int32)}


def test_a_pair_s_loss_is_its_squared_error_and_a_rare_pair_counts_less() -> None:
    network = build_network(INPUTS, classes=0, config=SHAPE)
    labels = np.array([1, 16, 64], np.int32) * COUNT_SCALE
    losses, is_right = network.measure_rows(np.array([[0.6], [math.log(16) + 1], [0.0]], np.float32), labels)

    expected = [(1 / 16) ** 0.75 * 0.36, 1.0, math.log(64) ** 2]
    assert losses.numpy().tolist() == pytest.approx(expected, rel=1e-5)
    assert is_right.numpy().tolist() == [True, False, False]


def test_its_output_is_the_product_of_two_vectors_and_their_biases() -> None:
    network = build_network(INPUTS, classes=0, config=SHAPE)
    for name, bias in ((TOKEN, 0.25), (CONTEXT, 0.5)):
        network.get_layer(f"{name}_biases").set_weights([np.full((6, 1), bias, np.float32)])
    left, right = (network.get_layer(f"{name}_vectors").get_weights()[0] for name in (TOKEN, CONTEXT))

    assert float(network(PAIR)) == pytest.approx(float(left[2] @ right[3]) + 0.75, rel=1e-5)
    assert not np.allclose(left, right)


def test_a_token_s_vector_is_what_it_is_as_token_and_as_context(tmp_path: Path) -> None:
    network = build_network(INPUTS, classes=0, config=SHAPE)
    save_npz(f"{tmp_path}/weights.npz", {"weights": read_variables(network.variables)})
    left, right = (network.get_layer(f"{name}_vectors").get_weights()[0] for name in (TOKEN, CONTEXT))

    loaded = load_token_vectors(INPUTS, GloveShape(size=4, max_count=16.0, seed=2), f"{tmp_path}/weights.npz")
    np.testing.assert_allclose(loaded, left + right)
