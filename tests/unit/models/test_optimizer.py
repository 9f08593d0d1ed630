"""What DistributedAdam does on one rank; tests/spark/test_training.py has the ranks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.gradients import SPARSE_TABLE_ROWS
from models.optimizer import DistributedAdam


def rows_gradient(values: list[list[float]], indices: list[int], table_rows: int) -> tf.IndexedSlices:
    return tf.IndexedSlices(tf.constant(values), tf.constant(indices), tf.constant([table_rows, 2]))


def test_a_matrix_is_updated_as_by_keras_adam() -> None:
    ours, theirs = keras.Variable([[1.0, -2.0], [3.0, 0.5]]), keras.Variable([[1.0, -2.0], [3.0, 0.5]])
    optimizer, reference = DistributedAdam(0.1), keras.optimizers.Adam(0.1)
    for slope in ([[0.5, -1.0], [2.0, 0.0]], [[-0.5, 1.0], [0.1, 0.3]]):
        optimizer.apply([tf.constant(slope)], [ours])
        reference.apply([tf.constant(slope)], [theirs])

    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_rows_of_a_big_table_are_updated_as_by_keras_adam_while_every_step_has_them() -> None:
    start = np.zeros((SPARSE_TABLE_ROWS, 2), np.float32)
    ours, theirs = keras.Variable(start), keras.Variable(start)
    optimizer, reference = DistributedAdam(0.1), keras.optimizers.Adam(0.1)
    for values in ([[0.5, -1.0], [2.0, 1.0], [0.5, 0.5]], [[1.0, 1.0], [0.1, 0.3], [0.0, 0.2]]):
        gradient = rows_gradient(values, [4, 9, 4], SPARSE_TABLE_ROWS)
        optimizer.apply([gradient], [ours])
        reference.apply([tf.convert_to_tensor(gradient)], [theirs])

    np.testing.assert_allclose(ours.numpy()[[4, 9]], theirs.numpy()[[4, 9]], rtol=1e-5)


def test_rows_that_no_batch_had_keep_their_values() -> None:
    table = keras.Variable(np.ones((SPARSE_TABLE_ROWS, 2), np.float32))
    optimizer = DistributedAdam(0.1, decay=0.5)
    optimizer.apply([rows_gradient([[1.0, 1.0]], [4], SPARSE_TABLE_ROWS)], [table])
    optimizer.apply([rows_gradient([[1.0, 1.0]], [9], SPARSE_TABLE_ROWS)], [table])

    changed = np.flatnonzero((table.numpy() != 1).any(axis=1))
    assert changed.tolist() == [4, 9]


def test_weight_decay_falls_on_matrices_only() -> None:
    matrix, bias = keras.Variable([[2.0]]), keras.Variable([2.0])
    DistributedAdam(0.1, decay=0.5).apply([tf.constant([[0.0]]), tf.constant([0.0])], [matrix, bias])

    assert matrix.numpy().item() == pytest.approx(2 - 0.1 * 0.5 * 2)
    assert bias.numpy().item() == 2


def test_gradients_are_clipped_by_their_common_norm() -> None:
    matrix, table = keras.Variable([[0.0]]), keras.Variable(np.zeros((SPARSE_TABLE_ROWS, 2), np.float32))
    optimizer = DistributedAdam(0.1, clip_norm=1.0)
    gradient = rows_gradient([[2.0, 0.0], [2.0, 0.0]], [5, 5], SPARSE_TABLE_ROWS)  # (4, 0) in all
    optimizer.apply([tf.constant([[3.0]]), gradient], [matrix, table])

    momentums = [momentum.numpy() for momentum in optimizer._momentums]
    assert momentums[0].item() == pytest.approx(0.1 * 3 / 5)
    assert momentums[1][5].tolist() == pytest.approx([0.1 * 4 / 5, 0])


def test_its_config_makes_an_equal_optimizer() -> None:
    optimizer = DistributedAdam(0.1, ranks=2, clip_norm=1.0, decay=0.5)

    assert DistributedAdam.from_config(optimizer.get_config()).get_config() == optimizer.get_config()
