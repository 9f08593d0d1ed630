"""Checkpoints of a training run in the store, within and after an epoch: the last and the best one are kept.

A file is named for its place in the run and never changed, so a killed run leaves at most a hidden temporary behind.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.files import locate
from models.weights import Arrays, load_npz, save_npz

History = list[dict[str, float]]
_NAME = re.compile(r"epoch-(\d+)(?:-rows-(\d+))?\.npz$")


@dataclass(frozen=True)
class Checkpoint:
    """All that training needs to go on."""

    groups: dict[str, Arrays]
    history: History  # metrics of every epoch so far
    rows: int = 0  # trained in the next epoch already, over all ranks
    totals: Sequence[float] = (0.0, 0.0, 0.0)  # their loss, right ones and number


@dataclass(frozen=True)
class Checkpoints:
    """The folder `url` of one run; `run` names the run's input and settings.

    A checkpoint of another `run` is passed over, so a changed setting starts anew.
    """

    url: str
    run: str = ""

    def newest(self) -> tuple[int, int] | None:
        """Epochs and rows after which the newest checkpoint stands, whoever's it is; None when there is none."""
        return max(self._places(), default=None)

    def last(self) -> Checkpoint | None:
        """The newest checkpoint of this run, None when there is none."""
        newest = self.newest()
        return self.load(*newest) if newest else None

    def load(self, epoch: int, rows: int = 0) -> Checkpoint | None:
        """The checkpoint after `epoch` (from 1) and `rows` of the next one; None when it is another run's."""
        groups, note = load_npz(self.file_url(epoch, rows))
        is_ours = note.pop("run") == self.run
        return Checkpoint(groups, **note) if is_ours else None

    def save(self, checkpoint: Checkpoint, *, best: int) -> None:
        """Write the checkpoint, then drop all but it and the one after the `best` epoch."""
        place = (len(checkpoint.history), checkpoint.rows)
        note = {"run": self.run, **{name: value for name, value in vars(checkpoint).items() if name != "groups"}}
        save_npz(self.file_url(*place), checkpoint.groups, note=note)
        for old in self._places() - {place, (best, 0)}:
            filesystem, path = locate(self.file_url(*old))
            filesystem.rm_file(path)

    def file_url(self, epoch: int, rows: int = 0) -> str:
        """Where the checkpoint after `epoch` and `rows` of the next one stands."""
        return f"{self.url}/epoch-{epoch:04d}{f'-rows-{rows:012d}' if rows else ''}.npz"

    def _places(self) -> set[tuple[int, int]]:
        filesystem, path = locate(self.url)
        names = filesystem.ls(path, detail=False) if filesystem.exists(path) else []
        return {(int(found[1]), int(found[2] or 0)) for name in names if (found := _NAME.search(name))}


def best_epoch(history: History, metric: str) -> int:
    """The epoch (from 1) with the best `metric`: the highest accuracy, or the lowest of anything else.

    The first of equals; 0 for an empty history.
    """
    if not history:
        return 0
    values = np.array([epoch[metric] for epoch in history])
    return 1 + int(np.argmax(values) if metric.endswith("accuracy") else np.argmin(values))
