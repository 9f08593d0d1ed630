"""The bag that is trained against the one that is served, on one rank; tests/spark/test_training.py has two."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from models.collective import Ranks
from models.network import build_network
from models.network_config import NetworkConfig
from models.sharding import take_share
from models.vocabulary import InputSpec
from models.weights import assign_variables, read_variables

INPUTS = {"words": InputSpec(30, 4), "letters": InputSpec(50, 6)}
IDS = {
    "words": np.array([[2, 3, 0, 0], [5, 1, 5, 6], [0, 0, 0, 0]], np.int32),
    "letters": np.array([[2, 2, 9, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]], np.int32),
}
LABELS = np.array([0, 3, 4], np.int32)


@pytest.mark.parametrize("bags", [["letters"], ["words", "letters"]])
def test_what_is_trained_computes_what_is_served(bags: list[str]) -> None:
    config = NetworkConfig(bags=bags, word_dropout=0, embedding_dropout=0, dropout=0)
    network = build_network(INPUTS, classes=5, config=config)
    trainee = build_network(INPUTS, classes=5, config=config, ranks=Ranks())
    assert [variable.path for variable in trainee.weights] == [variable.path for variable in network.weights]
    assign_variables(trainee.weights, read_variables(network.weights))

    ours, theirs = _gradients(trainee), _gradients(network)

    np.testing.assert_allclose(trainee(IDS), network(IDS), atol=1e-6)
    for path, gradient in theirs.items():
        np.testing.assert_allclose(ours[path], gradient, atol=1e-6, err_msg=path)


def test_the_gradient_of_the_votes_has_each_row_once() -> None:
    trainee = build_network(INPUTS, classes=5, config=NetworkConfig(bags=["words", "letters"]), ranks=Ranks())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(trainee(IDS))
    rows = [gradient.indices.numpy().tolist() for gradient in tape.gradient(loss, trainee.trainable_weights)]

    assert sorted(map(sorted, rows)) == [[2, 3, 5, 6], [2, 9]]


def test_ranks_hold_equal_shares_of_the_columns() -> None:
    whole = [np.arange(250.0).reshape(50, 5)]
    shares = []
    for rank in range(3):
        ranks, letters = Ranks(rank, 3, team_size=3), {"letters": INPUTS["letters"]}
        trainee = build_network(letters, classes=5, config=NetworkConfig(bags=["letters"]), ranks=ranks)
        shares += take_share(trainee.weights, whole, ranks)

    assert [share.shape for share in shares] == [(50, 2)] * 3
    np.testing.assert_array_equal(np.concatenate(shares, axis=1)[:, :5], whole[0])
    np.testing.assert_array_equal(shares[2][:, 1], np.zeros(50))


def _gradients(network: Any) -> dict[str, npt.NDArray[np.float32]]:
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, network(IDS))
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, [variable.value for variable in network.trainable_weights])
    return {
        variable.path: tf.convert_to_tensor(gradient).numpy()
        for variable, gradient in zip(network.trainable_weights, gradients, strict=True)
    }
