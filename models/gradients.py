"""Gradients of one step, averaged over the ranks by Horovod: tables by the rows that were touched, the rest whole.

Gathering a table's rows brings every rank's to all: the bytes grow with the ranks. Adding up whole tables in a ring
moves twice the table however many ranks there are. So a few ranks gather, many add up; the outcome is the same.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from models.collective import Ranks

SPARSE_TABLE_ROWS = 8192
"""A table of at least so many rows is exchanged and updated by row, a smaller one whole.

It depends on the table alone, so that one rank and many compute the same update.
"""

DISTINCT_SHARE = 0.25
"""Of the ids in a batch, padding included, about so many are distinct."""

Gradient = Any  # a tf.Tensor, or tf.IndexedSlices of an embedding


def average_gradients(gradients: Sequence[Gradient], ranks: int, *, split: Sequence[Ranks | None]) -> list[Gradient]:
    """The mean of every rank's gradients: big tables as rows with distinct indices, the rest dense.

    `split` names those who split a table. Their gradient is complete within a team, rows with distinct indices, and
    is averaged with those of the same columns in other teams.
    """
    kinds = ["split" if team else _choose_exchange(g, ranks) for g, team in zip(gradients, split, strict=True)]
    prepared = [g if kind == "split" else _prepare(g) for g, kind in zip(gradients, kinds, strict=True)]
    if ranks == 1:
        return prepared
    import horovod.tensorflow as hvd  # one rank needs no Horovod

    tables = [mark_rows(g) if kind == "add" else g for g, kind in zip(prepared, kinds, strict=True)]
    means = iter(hvd.grouped_allreduce([t for t, kind in zip(tables, kinds, strict=True) if kind in ("add", "whole")]))
    finish: dict[str, Callable[[Gradient, Ranks | None], Gradient]] = {
        "split": _average_peers,
        "gather": lambda gradient, _: _average_rows(gradient, ranks),
        "add": lambda *_: take_marked_rows(next(means)),
        "whole": lambda *_: next(means),
    }
    return [finish[kind](gradient, team) for gradient, kind, team in zip(prepared, kinds, split, strict=True)]


def clip_gradients(gradients: Sequence[Gradient], norm: float, *, split: Sequence[Ranks | None]) -> list[Gradient]:
    """The averaged gradients, cut to a common norm, to which every rank of a team adds that of its `split` tables."""
    squares = [tf.reduce_sum(tf.square(_values(gradient))) for gradient in gradients]
    common, mine = (
        tf.add_n([tf.zeros(()), *(square for square, team in zip(squares, split, strict=True) if bool(team) is wanted)])
        for wanted in (False, True)
    )
    for team in [team for team in split if team][:1]:
        mine = team.sum_team(mine)
    scale = norm / tf.maximum(tf.sqrt(common + mine), norm)
    return [_scale(gradient, scale) for gradient in gradients]


def sum_duplicates(slices: tf.IndexedSlices) -> tf.IndexedSlices:
    """The same gradient with each index once."""
    indices, positions = tf.unique(slices.indices)
    values = tf.math.unsorted_segment_sum(slices.values, positions, tf.size(indices))
    return tf.IndexedSlices(values, indices, slices.dense_shape)


def mark_rows(slices: tf.IndexedSlices) -> tf.Tensor:
    """The whole table's gradient of slices with distinct indices, and a last column that is 0 in untouched rows."""
    marks = tf.ones([tf.shape(slices.indices)[0], 1], slices.values.dtype)
    rows = tf.concat([slices.values, marks], axis=1)
    shape = [_count_rows(slices), rows.shape[1]]
    return tf.scatter_nd(tf.cast(slices.indices, tf.int32)[:, None], rows, shape)


def take_marked_rows(table: tf.Tensor) -> tf.IndexedSlices:
    """The rows of a sum of what `mark_rows` gave that any summand had touched."""
    indices = tf.where(table[:, -1] > 0)[:, 0]
    values = tf.gather(table, indices)[:, :-1]
    return tf.IndexedSlices(values, indices, tf.shape(table, tf.int64) - [0, 1])


def chooses_rows(table_rows: int, ids: int, ranks: int) -> bool:
    """Whether gathering rows sends less than adding up tables, for so many ids in a rank's batch."""
    return ranks * ids * DISTINCT_SHARE < 2 * table_rows


def _choose_exchange(gradient: Gradient, ranks: int) -> str:
    """How an unsplit gradient travels: "whole", or of a big table "gather" rows or "add" up marked tables.

    From shapes alone, so that all ranks choose the same.
    """
    if not isinstance(gradient, tf.IndexedSlices) or _count_rows(gradient) < SPARSE_TABLE_ROWS:
        return "whole"
    ids = gradient.indices.shape.num_elements() or 0
    return "gather" if chooses_rows(_count_rows(gradient), ids, ranks) else "add"


def _count_rows(gradient: tf.IndexedSlices) -> int:
    return int(tf.get_static_value(gradient.dense_shape)[0])


def _prepare(gradient: Gradient) -> Gradient:
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    is_big = _count_rows(gradient) >= SPARSE_TABLE_ROWS
    return sum_duplicates(gradient) if is_big else tf.convert_to_tensor(gradient)


def _average_rows(slices: tf.IndexedSlices, ranks: int) -> tf.IndexedSlices:
    """Everyone's rows, gathered and summed: with two ranks less work than one allreduce over their union."""
    import horovod.tensorflow as hvd

    values = hvd.allgather(slices.values / ranks)
    indices = hvd.allgather(slices.indices)
    return sum_duplicates(tf.IndexedSlices(values, indices, slices.dense_shape))


def _average_peers(slices: tf.IndexedSlices, team: Ranks | None) -> tf.IndexedSlices:
    """As added tables: a team's batches touch most rows of its columns."""
    if team is None or team.peers is None:
        return slices
    return take_marked_rows(team.average_peers(mark_rows(slices)))


def _values(gradient: Gradient) -> tf.Tensor:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient


def _scale(gradient: Gradient, scale: tf.Tensor) -> Gradient:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * scale, gradient.indices, gradient.dense_shape)
    return gradient * scale
