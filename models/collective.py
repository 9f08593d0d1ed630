"""The ranks that train together: who this process is, and the few exchanges that training needs.

One rank needs no Horovod: every exchange is then the identity, and Horovod is not even imported.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
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

    def gather(self, rows: Any) -> Any:
        """Every rank's `rows` (a tensor; other numbers of rows are fine), one rank after another."""
        return rows if self.size == 1 else _horovod().allgather(rows)

    def exchange(self, parts: Any) -> Any:
        """From columns of everyone's rows to all columns of the own ones.

        Takes (size * batch, width): what this rank knows of each rank's `batch` rows. Returns
        (batch, size * width): what each rank knows of this one's. The gradient goes the same way back.
        """
        if self.size == 1:
            return parts
        width = parts.shape[1]
        received = tf.reshape(_horovod().alltoall(parts), [self.size, -1, width])
        return tf.reshape(tf.transpose(received, [1, 0, 2]), [-1, self.size * width])

    def broadcast_arrays(self, arrays: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """The first rank's `arrays`, on every rank; the others give theirs of the same shapes and types."""
        if self.size == 1:
            return [*arrays]
        return [_horovod().broadcast(tf.constant(array), root_rank=0).numpy() for array in arrays]

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
    _wake_threads_gently()
    _horovod().init()
    return Ranks(rank=_horovod().rank(), size=_horovod().size())


def _wake_threads_gently() -> None:
    """Let no thread of this process, nor any that it will start, take the core from another by waking up.

    Gloo's receiving thread wakes with each arrival and spins on the lock of Horovod's thread, which it has just
    pushed off the core that both share: a third of a step on one core a rank.
    """
    with suppress(PermissionError):  # a sandbox may forbid it: slower, nothing else
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _horovod() -> Any:
    import horovod.tensorflow as hvd  # a lone rank never pays for it

    return hvd
