"""Which model predicts for a room while two are live: production for all, staging for a share of the rooms."""

import hashlib
from dataclasses import dataclass

from pipelines.prediction import Predictor


@dataclass(frozen=True, eq=False)
class LiveModel:
    """A version of a model in this process, ready to predict."""

    predictor: Predictor
    name: str
    version: str


@dataclass(frozen=True)
class LiveModels:
    """The models of the two slots in this process."""

    production: LiveModel
    staging: LiveModel | None = None
    staging_percent: float = 0.0  # of the rooms: 0 to 100

    def choose(self, room_id: str | None) -> LiveModel:
        """The room's model: one for all its messages, in any process; a message without a room is production's.

        A room that staging has at some percentage, it has at any higher one.
        """
        if self.staging is None or room_id is None or _place(room_id) * 100 >= self.staging_percent:
            return self.production
        return self.staging


def _place(room_id: str) -> float:
    """Of a room among all: even over [0, 1), and always the same."""
    return int.from_bytes(hashlib.blake2b(room_id.encode(), digest_size=6).digest(), "big") / 2**48
