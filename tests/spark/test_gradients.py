"""Gradients of a big table on two ranks: few ids are gathered, many are added up, and the mean is the same."""

from typing import Any

import horovod
import numpy as np
import numpy.typing as npt
import pytest

TABLE = (8192, 2)


def average_on_two_ranks(indices: list[npt.NDArray[np.int32]]) -> list[tuple[list[int], list[list[float]]]]:
    """Each rank's mean of gradients whose rows are all [rank + 1, 0] at its indices."""

    def average(indices: list[npt.NDArray[np.int32]]) -> Any:
        import horovod.tensorflow as hvd
        import tensorflow as tf

        from models.gradients import average_gradients

        hvd.init()
        mine = tf.constant(indices[hvd.rank()])
        rows = tf.tile([[hvd.rank() + 1.0, 0.0]], [len(mine), 1])
        (mean,) = average_gradients([tf.IndexedSlices(rows, mine, tf.constant(TABLE))], 2, split=[None])
        order = np.argsort(mean.indices.numpy())
        return mean.indices.numpy()[order].tolist(), mean.values.numpy()[order].tolist()

    return list(horovod.run(average, args=(indices,), np=2, use_gloo=True))


@pytest.mark.parametrize("repeats", [1, 40_000], ids=["gathered", "added up"])
def test_the_mean_has_the_rows_that_any_rank_touched(repeats: int) -> None:
    indices = [np.repeat(np.array(rows, np.int32), repeats) for rows in ([5, 8191], [5, 70])]

    first, second = average_on_two_ranks(indices)

    assert first == second
    assert first == ([5, 70, 8191], [[1.5 * repeats, 0.0], [1.0 * repeats, 0.0], [0.5 * repeats, 0.0]])
