import math

import numpy as np
import pytest
import tensorflow as tf

from models.collective import Ranks
from models.optimizer import DistributedAdam
from models.steps import build_train_step, build_validation_step, find_flexible, row_losses, weigh_rows
from tests.tiny_network import CLASSES, INPUTS, TinyConfig, build_tiny_network

LOGITS = tf.math.log(tf.constant([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]]))


def test_the_loss_is_the_cross_entropy_and_0_where_the_intent_is_unknown() -> None:
    losses = row_losses(LOGITS, tf.constant([0, -1, 2]))

    np.testing.assert_allclose(losses, [-math.log(0.5), 0, -math.log(0.6)], rtol=1e-6)


def test_a_target_is_learned_as_it_is() -> None:
    targets = tf.constant([[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]], tf.float32)
    losses = row_losses(LOGITS, targets, label_smoothing=0.3)

    first = -(0.5 * math.log(0.5) + 0.5 * math.log(0.25))
    np.testing.assert_allclose(losses, [first, -math.log(0.8), -math.log(0.6)], rtol=1e-6)


def test_label_smoothing_gives_a_share_to_every_intent() -> None:
    losses = row_losses(LOGITS, tf.constant([0, -1, 2]), label_smoothing=0.3)

    first = -(0.8 * math.log(0.5) + 0.1 * math.log(0.25) + 0.1 * math.log(0.25))
    assert losses.numpy()[:2] == pytest.approx([first, 0])


def test_a_row_counts_by_its_label_or_by_its_target() -> None:
    weights = np.array([1, 2, 4], np.float32)

    assert weigh_rows(tf.constant([2, 0]), weights).numpy().tolist() == [4, 1]
    assert weigh_rows(tf.constant([[0.5, 0.5, 0], [0, 0, 1]]), weights).numpy().tolist() == [1.5, 4]


def test_steps_take_rows_of_any_length_by_one_trace_and_learn_the_same() -> None:
    source = np.random.default_rng(0)
    labels = source.integers(0, CLASSES, 8).astype(np.int32)
    rows = {name: source.integers(2, spec.size, (8, spec.length)).astype(np.int32) for name, spec in INPUTS.items()}
    rows["words"][:, 2:] = 0
    found = []
    for lengths in ([4, 4, 4], [2, 3, 4]):
        network, trainee = (
            build_tiny_network(INPUTS, classes=CLASSES, config=TinyConfig(), ranks=ranks) for ranks in (None, Ranks())
        )
        optimizer, totals = DistributedAdam(0.1, clip_norm=0.0, decay=0.0), tf.Variable(tf.zeros(3, tf.float64))
        optimizer.build(trainee.trainable_variables)
        train = build_train_step(trainee, optimizer, totals, batch_size=8, label_smoothing=0.1)
        validate = build_validation_step(network, totals, flexible=find_flexible(trainee))
        for length in lengths:
            for step in (train, validate):
                step({**rows, "words": rows["words"][:, :length]}, labels)
        assert find_flexible(trainee) == ["words"]  # letters only vote: padding costs them nothing
        assert (train.experimental_get_tracing_count(), validate.experimental_get_tracing_count()) == (1, 1)
        found.append([totals.numpy(), *(variable.numpy() for variable in trainee.trainable_variables)])

    for full, cut in zip(*found, strict=True):
        np.testing.assert_allclose(cut, full, rtol=1e-4, atol=1e-5)
