"""Several networks as one."""

from pathlib import Path

import keras
import numpy as np
import pytest

from models.ensemble import build_ensemble, fit_weights
from models.network import build_network, with_probabilities
from models.network_config import NetworkConfig, NetworkKind
from models.predictor import compile_network
from models.vocabulary import InputSpec

INPUTS = {"words": InputSpec(30, 6), "letters": InputSpec(20, 9)}
ROWS = {
    "words": np.array([[2, 3, 4, 0, 0, 0], [5, 0, 0, 0, 0, 0]], np.int32),
    "letters": np.array([[2, 3, 4, 5, 6, 7, 0, 0, 0], [8, 9, 0, 0, 0, 0, 0, 0, 0]], np.int32),
}


@pytest.fixture(scope="module")
def members() -> list[keras.Model]:
    def build(kind: NetworkKind, *names: str) -> keras.Model:
        inputs = {name: INPUTS[name] for name in names}
        config = NetworkConfig(kind=kind, bags=["letters"], embedding_size=8)
        return with_probabilities(build_network(inputs, classes=4, config=config))

    return [
        build(NetworkKind.cnn, "words", "letters"),
        build(NetworkKind.cnn, "letters"),
        build(NetworkKind.bigru, "words"),
    ]


def test_it_gives_the_weighted_mean_of_its_members(members: list[keras.Model]) -> None:
    ensemble = build_ensemble(INPUTS, members, [0.5, 0.3, 0.2])
    parts = [member({tensor.name: ROWS[tensor.name] for tensor in member.inputs}) for member in members]
    expected = 0.5 * parts[0] + 0.3 * parts[1] + 0.2 * parts[2]
    np.testing.assert_allclose(with_probabilities(ensemble)(ROWS), expected, atol=1e-6)


def test_what_is_saved_predicts_the_same_from_rows_cut_short(members: list[keras.Model], tmp_path: Path) -> None:
    ensemble = with_probabilities(build_ensemble(INPUTS, members, [0.5, 0.3, 0.2]))
    ensemble.save(tmp_path / "ensemble.keras")
    loaded = keras.saving.load_model(tmp_path / "ensemble.keras", safe_mode=True, compile=False)
    np.testing.assert_allclose(compile_network(loaded, batch_rows=1)(ROWS), ensemble(ROWS), atol=1e-6)


def test_weights_go_to_those_who_explain_the_labels() -> None:
    likelihoods = np.array([[0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.9, 0.1]])
    first, second, third = fit_weights(likelihoods)
    assert first + second + third == pytest.approx(1)
    assert third < 0.01 < first < second


def test_members_that_say_nothing_of_a_row_do_not_stop_the_fit() -> None:
    assert fit_weights(np.array([[0.0, 0.0], [0.9, 0.1]])) == pytest.approx([1, 0], abs=0.01)
