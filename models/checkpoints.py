"""Checkpoints of a training run in the store: one file an epoch, the last and the best one kept.

A file is named for its epoch and never changed, so a killed run leaves at most a hidden temporary behind.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.files import locate
from models.weights import Arrays, load_npz, save_npz

History = list[dict[str, float]]
_NAME = re.compile(r"epoch-(\d+)\.npz$")


@dataclass(frozen=True)
class Checkpoint:
    """All that the next epoch needs: groups of arrays, and the metrics of every epoch so far."""

    groups: dict[str, Arrays]
    history: History


@dataclass(frozen=True)
class Checkpoints:
    """The folder `url` of one run; `run` names the run's input and settings.

    A checkpoint of another `run` is passed over, so a changed setting starts anew.
    """

    url: str
    run: str = ""

    def last(self) -> Checkpoint | None:
        """The newest checkpoint of this run, None when there is none."""
        epochs = self._epochs()
        return self.load(max(epochs)) if epochs else None

    def load(self, epoch: int) -> Checkpoint | None:
        """The checkpoint after `epoch` (from 1); None when it is another run's."""
        groups, note = load_npz(self.file_url(epoch))
        return Checkpoint(groups, note["history"]) if note["run"] == self.run else None

    def save(self, groups: Mapping[str, Sequence[npt.NDArray[Any]]], history: History, *, best: int) -> None:
        """Write the checkpoint after the history's last epoch, then drop all but it and the `best` one."""
        epoch = len(history)
        save_npz(self.file_url(epoch), groups, note={"run": self.run, "history": history})
        for old in set(self._epochs()) - {epoch, best}:
            filesystem, path = locate(self.file_url(old))
            filesystem.rm_file(path)

    def file_url(self, epoch: int) -> str:
        """Where the checkpoint after `epoch` stands."""
        return f"{self.url}/epoch-{epoch:04d}.npz"

    def _epochs(self) -> list[int]:
        filesystem, path = locate(self.url)
        names = filesystem.ls(path, detail=False) if filesystem.exists(path) else []
        return sorted(int(found[1]) for name in names if (found := _NAME.search(name)))


def best_epoch(history: History, metric: str) -> int:
    """The epoch (from 1) with the best `metric`: the highest accuracy, or the lowest of anything else.

    The first of equals; 0 for an empty history.
    """
    if not history:
        return 0
    values = np.array([epoch[metric] for epoch in history])
    return 1 + int(np.argmax(values) if metric.endswith("accuracy") else np.argmin(values))
