"""The ranks that train together: who this process is, and the few exchanges that training needs.

One rank needs no Horovod: every exchange is then the identity, and Horovod is not even imported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf


@dataclass(frozen=True)
class Ranks:
    """This process (`rank`, from 0) among `size` of them."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this rank writes checkpoints and progress for all."""
        return self.rank == 0

    def sum(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The sum of every rank's `values` (one shape everywhere), bitwise equal on all ranks."""
        local = np.asarray(values, dtype=np.float64)
        if self.size == 1:
            return local
        summed: npt.NDArray[np.float64] = _horovod().allreduce(tf.constant(local), op=_horovod().Sum).numpy()
        return summed

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Give the first rank's values to the same Keras variables of every rank."""
        if self.size > 1:
            _horovod().broadcast_variables([variable.value for variable in variables], root_rank=0)

    def broadcast_text(self, text: str) -> str:
        """The first rank's `text`, on every rank."""
        if self.size == 1:
            return text
        content = np.frombuffer(text.encode(), dtype=np.uint8)
        length = int(self.sum(len(content) if self.is_first else 0))
        message = content if self.is_first else np.zeros(length, dtype=np.uint8)
        received = _horovod().broadcast(tf.constant(message), root_rank=0).numpy()
        return bytes(received).decode()


def join_ranks() -> Ranks:
    """Meet the other ranks that the launcher started (HOROVOD_* variables); a lone process stays alone."""
    _horovod().init()
    return Ranks(rank=_horovod().rank(), size=_horovod().size())


def _horovod() -> Any:
    import horovod.tensorflow as hvd  # a lone rank never pays for it

    return hvd
