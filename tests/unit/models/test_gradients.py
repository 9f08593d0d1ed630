"""Gradients on one rank; tests/spark/test_gradients.py has two."""

import tensorflow as tf

from models.collective import Ranks
from models.gradients import average_gradients, mark_rows, sum_duplicates, take_marked_rows


def rows_gradient(values: list[list[float]], indices: list[int], table_rows: int) -> tf.IndexedSlices:
    return tf.IndexedSlices(tf.constant(values), tf.constant(indices), tf.constant([table_rows, 2]))


def test_rows_with_the_same_index_are_summed() -> None:
    gradient = sum_duplicates(rows_gradient([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [7, 2, 7], 10))

    assert gradient.indices.numpy().tolist() == [7, 2]
    assert gradient.values.numpy().tolist() == [[6.0, 8.0], [3.0, 4.0]]


def test_the_gradient_of_a_small_table_becomes_dense() -> None:
    (gradient,) = average_gradients([rows_gradient([[1.0, 2.0], [3.0, 4.0]], [2, 2], 3)], 1, split=[None])

    assert gradient.numpy().tolist() == [[0.0, 0.0], [0.0, 0.0], [4.0, 6.0]]


def test_the_gradient_of_a_split_table_stays_as_it_is() -> None:
    gradient = rows_gradient([[1.0, 2.0]], [2], 3)

    assert average_gradients([gradient], 1, split=[Ranks()]) == [gradient]


def test_a_sum_of_marked_tables_has_every_row_that_was_touched_even_by_zeros() -> None:
    first = mark_rows(rows_gradient([[1.0, 2.0], [0.0, 0.0]], [3, 1], 5))
    second = mark_rows(rows_gradient([[10.0, 20.0]], [3], 5))

    rows = take_marked_rows(first + second)

    assert rows.indices.numpy().tolist() == [1, 3]
    assert rows.values.numpy().tolist() == [[0.0, 0.0], [11.0, 22.0]]
    assert rows.dense_shape.numpy().tolist() == [5, 2]
