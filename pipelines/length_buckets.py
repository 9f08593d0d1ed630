"""Batches of rows of like length, cut to it: padding costs a network that reads in order as much as tokens do.

Ranks wait for each other in every step, so they should take batches of like length together. They need no word about
it: each orders its own batches by length, and all take theirs by the same random numbers, the one at a third of what
is left, say. Where ranks have alike rows, as shards dealt out by a hash have, these are of one length; where they do
not, a step waits, and nothing else differs. Each batch is still of the rank's own rows, each of them once a pass.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.lengths import count_places

Ids = Mapping[str, npt.NDArray[np.int32]]


@dataclass(frozen=True)
class LengthBuckets:
    """Equal parts of what the features that are cut have room for; a row's is the least that holds all its tokens."""

    places: Mapping[str, int]  # tokens that a row has room for, by feature; none: nothing is cut
    count: int  # 1: likewise

    def find(self, features: Ids) -> npt.NDArray[np.intp]:
        """Each row's bucket, from 1."""
        found = np.ones(len(next(iter(features.values()))), np.intp)
        for name, places in self.places.items():
            found = np.maximum(found, (count_places(features[name]) - 1) * self.count // places + 1)
        return found

    def cut(self, features: Ids) -> dict[str, npt.NDArray[np.int32]]:
        """The rows, cut to the highest of their buckets."""
        highest = int(self.find(features).max(initial=1)) if self.places else self.count
        ends = {name: -(-places * highest // self.count) for name, places in self.places.items()}
        return {name: ids[:, : ends[name]] if name in ends else ids for name, ids in features.items()}


def take_turns(batches: Iterable[int], chance: np.random.Generator) -> Iterator[int]:
    """All of the ordered batches in random order; ranks with equal `chance` are at like places at any time."""
    left = list(batches)
    while left:
        yield left.pop(int(chance.random() * len(left)))
