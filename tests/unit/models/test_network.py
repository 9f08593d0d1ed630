"""What the intent network promises: shapes, seeds, padding, saving."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest

from models.network import WordDropout, build_network, with_probabilities
from models.network_config import NetworkConfig
from models.vocabulary import InputSpec

SPECS = {"morphemes": InputSpec(size=20, length=6), "character_ngrams": InputSpec(size=10, length=9)}
ROWS = {
    "morphemes": np.array([[2, 3, 4, 0, 0, 0], [5, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.int32),
    "character_ngrams": np.array([[2, 3, 4, 5, 6, 7, 0, 0, 0], [8, 9, 0, 0, 0, 0, 0, 0, 0], [0] * 9], np.int32),
}


def build(*names: str, seed: int = 0, extra_length: int = 0) -> keras.Model:
    specs = {name: InputSpec(SPECS[name].size, SPECS[name].length + extra_length) for name in names}
    return build_network(specs, classes=4, config=NetworkConfig(seed=seed))


def predict(network: keras.Model, rows: dict[str, npt.NDArray[np.int32]]) -> npt.NDArray[np.float32]:
    return np.asarray(network(rows, training=False))


@pytest.mark.parametrize("names", [["morphemes"], ["character_ngrams"], ["morphemes", "character_ngrams"]])
def test_any_features_give_float32_logits_of_each_class(names: list[str]) -> None:
    logits = predict(build(*names), {name: ROWS[name] for name in names})
    assert (logits.shape, logits.dtype) == ((3, 4), np.float32)


@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_probabilities_are_the_softmax_of_the_logits_by_the_temperature(temperature: float) -> None:
    network = build(*SPECS)
    raised = np.exp(predict(network, ROWS) / temperature)
    expected = raised / raised.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(predict(with_probabilities(network, temperature=temperature), ROWS), expected, rtol=1e-5)


def test_names_of_inputs_and_outputs_are_the_features_and_what_they_hold() -> None:
    network = with_probabilities(build(*SPECS))
    assert sorted(tensor.name for tensor in network.inputs) == ["character_ngrams", "morphemes"]
    assert network.output_names == ["probabilities"]


def test_padding_never_changes_the_output() -> None:
    padded = {name: np.pad(ids, ((0, 0), (0, 5))) for name, ids in ROWS.items()}
    short, long = build(*SPECS), build(*SPECS, extra_length=5)
    np.testing.assert_allclose(predict(long, padded), predict(short, ROWS), atol=1e-6)


def test_unknown_tokens_of_a_bag_have_no_vote() -> None:
    known = np.array([[2, 3, 4, 0, 0, 0, 0, 0, 0]], np.int32)
    among_unknown = np.array([[2, 1, 3, 1, 1, 4, 1, 0, 0]], np.int32)
    network = build("character_ngrams")
    expected = predict(network, {"character_ngrams": known})
    np.testing.assert_allclose(predict(network, {"character_ngrams": among_unknown}), expected, atol=1e-6)


def test_a_bag_adds_its_votes_to_what_the_other_features_say() -> None:
    network = build(*SPECS)
    silent = {**ROWS, "character_ngrams": np.zeros((3, 9), np.int32)}
    votes = np.asarray(network.get_layer("character_ngrams_votes").embeddings)
    added = predict(network, ROWS) - predict(network, silent)
    np.testing.assert_allclose(added[1], 3.0 * (votes[8] + votes[9]) / np.sqrt(2), atol=1e-6)


def test_one_seed_gives_the_same_weights_and_another_gives_others() -> None:
    first, same, other = (build(*SPECS, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_a_saved_network_gives_the_same_output_when_loaded(tmp_path: Path) -> None:
    network = with_probabilities(build(*SPECS))
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True, compile=False)
    np.testing.assert_allclose(predict(loaded, ROWS), predict(network, ROWS), atol=1e-6)


def test_dropout_is_off_when_predicting() -> None:
    network = build(*SPECS)
    np.testing.assert_array_equal(predict(network, ROWS), predict(network, ROWS))


def test_word_dropout_reads_tokens_as_unknown_and_keeps_padding() -> None:
    ids = np.array([[2, 3, 0], [4, 0, 0], [0, 0, 0]], np.int32)
    dropped = WordDropout(1.0, seed=0)(ids, training=True)
    np.testing.assert_array_equal(dropped, [[1, 1, 0], [1, 0, 0], [0, 0, 0]])


WIDE = InputSpec(size=20, length=6, learned=12, vector_size=5)  # ids from 12 on are known by their vectors alone


def build_wide(*, bags: list[str]) -> keras.Model:
    network = build_network({"morphemes": WIDE}, classes=4, config=NetworkConfig(bags=bags))
    if not bags:
        table = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
        table[15] = table[14]
        network.get_layer("morphemes_vectors").set_weights([table])
    return network


def test_a_token_that_training_has_not_seen_is_read_by_its_fixed_vector() -> None:
    network = build_wide(bags=[])
    first, second, third = (
        predict(network, {"morphemes": np.array([[2, i, 0, 0, 0, 0]], np.int32)}) for i in (13, 14, 15)
    )
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(second, third)


def test_fixed_vectors_are_not_trained_and_what_is_learned_has_no_row_for_unseen_tokens() -> None:
    network = build_wide(bags=[])
    trained = {variable.path: tuple(variable.shape) for variable in network.trainable_variables}
    assert "morphemes_vectors/embeddings" not in trained
    assert trained["morphemes_embedding/embeddings"] == (12, 96)


def test_a_bag_has_no_vote_of_a_token_that_training_has_not_seen() -> None:
    network = build_wide(bags=["morphemes"])
    alone, beside = (np.array([row], np.int32) for row in ([2, 3, 0, 0, 0, 0], [2, 3, 13, 0, 0, 0]))
    np.testing.assert_allclose(
        predict(network, {"morphemes": beside}), predict(network, {"morphemes": alone}), atol=1e-6
    )


def test_a_saved_network_with_fixed_vectors_gives_the_same_output_when_loaded(tmp_path: Path) -> None:
    network, rows = with_probabilities(build_wide(bags=[])), {"morphemes": ROWS["morphemes"] + 12}
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True, compile=False)
    np.testing.assert_allclose(predict(loaded, rows), predict(network, rows), atol=1e-6)


def test_a_network_may_leave_fixed_vectors_alone() -> None:
    network = build_network({"morphemes": WIDE}, classes=4, config=NetworkConfig(bags=[], fixed_vectors=False))
    unseen, unknown = (np.array([[2, token, 0, 0, 0, 0]], np.int32) for token in (13, 1))
    assert "morphemes_vectors" not in {layer.name for layer in network.layers}
    np.testing.assert_array_equal(predict(network, {"morphemes": unseen}), predict(network, {"morphemes": unknown}))
