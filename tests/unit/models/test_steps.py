import math

import numpy as np
import pytest
import tensorflow as tf

from models.steps import row_losses, weigh_rows

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
