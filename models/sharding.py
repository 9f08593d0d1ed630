"""Tables of which each rank of a team holds some columns, and how they are read and set as a whole.

Checkpoints and models hold whole tables, so a run goes on with another number of ranks.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.collective import Ranks
from models.weights import Arrays


def split_columns(variable: Any, columns: int, ranks: Ranks) -> None:
    """Note that the Keras variable holds this rank's share of a table of so many columns.

    Every share is as wide; those of a team's last ranks end in columns that nothing reads.
    """
    variable.malgil_columns = columns
    variable.malgil_ranks = ranks


def owners(variable: Any) -> Ranks | None:
    """Those who split the table; None where every rank holds all of it."""
    return getattr(variable, "malgil_ranks", None)


def read_whole(variables: Sequence[Any], ranks: Ranks) -> Arrays:
    """Values of Keras variables, in order, split ones put together; all ranks must call it."""
    return [_read(variable, ranks) for variable in variables]


def take_share(variables: Sequence[Any], arrays: Arrays, ranks: Ranks) -> Arrays:
    """What this rank's `variables` hold of whole `arrays` in the same order."""
    return [_share(variable, array, ranks) for variable, array in zip(variables, arrays, strict=True)]


def _read(variable: Any, ranks: Ranks) -> npt.NDArray[Any]:
    value = np.asarray(variable.value)
    if owners(variable) is None:
        return value
    table = np.asarray(ranks.gather(np.ascontiguousarray(value.T)))[: variable.malgil_columns]
    return np.ascontiguousarray(table.T)


def _share(variable: Any, array: npt.NDArray[Any], ranks: Ranks) -> npt.NDArray[Any]:
    if owners(variable) is None:
        return array
    rows, width = variable.shape
    start = ranks.place * width
    share = np.zeros((rows, width), array.dtype)
    mine = array[:, start : start + width]
    share[:, : mine.shape[1]] = mine
    return share
