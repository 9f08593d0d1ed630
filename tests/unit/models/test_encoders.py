"""What every kind of network promises: padding changes nothing, it is saved as it is, it can be trained."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.network import build_network, with_probabilities
from models.network_config import NetworkConfig, NetworkKind
from models.predictor import compile_network
from models.vocabulary import InputSpec

INPUTS = {"morphemes": InputSpec(20, 6), "character_ngrams": InputSpec(10, 9)}
ROWS = {
    "morphemes": np.array([[2, 3, 4, 0, 0, 0], [5, 0, 0, 0, 0, 0], [0] * 6], np.int32),
    "character_ngrams": np.array([[2, 3, 4, 5, 6, 7, 0, 0, 0], [8, 9, 0, 0, 0, 0, 0, 0, 0], [0] * 9], np.int32),
}
EVERY_KIND = pytest.mark.parametrize("kind", NetworkKind)
ORDERED = [kind for kind in NetworkKind if kind not in (NetworkKind.linear, NetworkKind.fasttext)]


def build(kind: NetworkKind, *, bags: list[str] | None = None, extra_length: int = 0) -> keras.Model:
    inputs = {name: InputSpec(spec.size, spec.length + extra_length) for name, spec in INPUTS.items()}
    return build_network(inputs, classes=4, config=NetworkConfig(kind=kind, bags=bags or [], embedding_size=8))


@EVERY_KIND
def test_padding_never_changes_the_output(kind: NetworkKind) -> None:
    padded = {name: np.pad(ids, ((0, 0), (0, 5))) for name, ids in ROWS.items()}
    np.testing.assert_allclose(build(kind, extra_length=5)(padded), build(kind)(ROWS), atol=1e-6)


@EVERY_KIND
def test_what_is_saved_predicts_the_same_whatever_the_length_that_rows_are_cut_to(
    kind: NetworkKind, tmp_path: Path
) -> None:
    network = with_probabilities(build(kind))
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True, compile=False)
    np.testing.assert_allclose(compile_network(loaded, batch_rows=1)(ROWS), network(ROWS), atol=1e-6)


@EVERY_KIND
def test_one_seed_gives_the_same_weights_by_the_same_names(kind: NetworkKind) -> None:
    for first, second in zip(build(kind).weights, build(kind).weights, strict=True):
        np.testing.assert_array_equal(first.value, second.value)
        assert first.path == second.path or "seed_generator" in first.path


@EVERY_KIND
def test_no_two_weights_start_equal(kind: NetworkKind) -> None:
    kernels = [v.value.numpy().tobytes() for v in build(kind).weights if v.path.endswith(("kernel", "embeddings"))]
    assert len(set(kernels)) == len(kernels)


@EVERY_KIND
def test_every_weight_learns(kind: NetworkKind) -> None:
    network = build(kind)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(ROWS, training=True)[:, 0] ** 2)
    gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
    assert [
        v.path for v, gradient in zip(network.trainable_variables, gradients, strict=True) if gradient is None
    ] == []


def test_a_linear_network_is_bags_alone() -> None:
    names = [variable.path for variable in build(NetworkKind.linear).trainable_variables]
    assert names == ["morphemes_votes/embeddings", "character_ngrams_votes/embeddings"]


@pytest.mark.parametrize(
    "kind", [kind for kind in NetworkKind if kind not in (NetworkKind.linear, NetworkKind.fasttext)]
)
def test_the_order_of_tokens_matters_but_to_a_bag(kind: NetworkKind) -> None:
    turned = {"morphemes": ROWS["morphemes"][:, [2, 1, 0, 3, 4, 5]], "character_ngrams": ROWS["character_ngrams"]}
    network = build(kind, bags=["character_ngrams"])
    assert not np.allclose(network(turned)[0], network(ROWS)[0], atol=1e-6)
