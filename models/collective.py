"""The ranks that train together: who this process is, and the few exchanges that training needs.

Ranks that split a table (`models.votes`) form a team: what a rank computes and receives for the table grows with its
team, so many ranks are many teams, and peers, the ranks at one place in all teams, hold the same columns. Peers are
neighbours, on one host mostly: they exchange columns, which are larger than the ids and logits of a team.

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

MAX_TEAM = 16
"""Ranks, at most, that split a table: from here on one more costs each of them more than it takes off them."""


@dataclass(frozen=True)
class Ranks:
    """This process (`rank`, from 0) among `size` of them, which are teams of `team_size`."""

    rank: int = 0
    size: int = 1
    team_size: int = 1
    team: Any = None  # Horovod's process sets where there are several teams: the own one,
    peers: Any = None  # and those who hold the same columns

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

    @property
    def place(self) -> int:
        """Of this rank in its team, from 0."""
        return self.rank // (self.size // self.team_size)

    def gather(self, rows: Any) -> Any:
        """The team's `rows` (a tensor; other numbers of rows are fine), one rank after another."""
        return rows if self.team_size == 1 else _horovod().allgather(rows, process_set=self._team())

    def exchange(self, parts: Any) -> Any:
        """From columns of the team's rows to all columns of the own ones.

        Takes (team * batch, width): what this rank knows of each member's `batch` rows. Returns
        (batch, team * width): what each member knows of this one's. The gradient goes the same way back.
        """
        if self.team_size == 1:
            return parts
        width = parts.shape[1]
        received = tf.reshape(_horovod().alltoall(parts, process_set=self._team()), [self.team_size, -1, width])
        return tf.reshape(tf.transpose(received, [1, 0, 2]), [-1, self.team_size * width])

    def average_peers(self, values: Any) -> Any:
        """The mean of a tensor over those who hold the same columns."""
        return values if self.peers is None else _horovod().allreduce(values, process_set=self.peers)

    def sum_team(self, value: Any) -> Any:
        """The sum of a tensor over the team."""
        if self.team_size == 1:
            return value
        return _horovod().allreduce(value, op=_horovod().Sum, process_set=self._team())

    def _team(self) -> Any:
        return self.team or _horovod().global_process_set

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


def join_ranks(*, max_team: int = MAX_TEAM) -> Ranks:
    """Meet the other ranks that the launcher started (HOROVOD_* variables); a lone process stays alone."""
    _wake_threads_gently()
    size = int(os.environ.get("HOROVOD_SIZE", "1"))
    team_size = choose_team_size(size, max_team)
    if team_size == size:
        _horovod().init()
        return Ranks(_horovod().rank(), size, team_size)
    teams = size // team_size
    team_sets = [_horovod().ProcessSet(range(team, size, teams)) for team in range(teams)]
    peer_sets = [_horovod().ProcessSet(range(place * teams, (place + 1) * teams)) for place in range(team_size)]
    _horovod().init(process_sets=[*team_sets, *peer_sets])
    rank = _horovod().rank()
    return Ranks(rank, size, team_size, team=team_sets[rank % teams], peers=peer_sets[rank // teams])


def choose_team_size(ranks: int, limit: int) -> int:
    """The largest divisor of `ranks` within the limit; all ranks where less than a quarter of it would be left."""
    found = max(size for size in range(1, limit + 1) if ranks % size == 0)
    return found if 4 * found >= limit else ranks


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
