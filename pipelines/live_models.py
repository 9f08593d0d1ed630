"""The models that live messages are predicted with, and which one predicts a room's intents while two are live."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.prediction import Predictor

if TYPE_CHECKING:
    from pipelines.replies import ReplyPredictor

REPLY = "reply"  # the part of a prediction that a reply model gives


@dataclass(frozen=True, eq=False)
class LiveModel:
    """A version of a model in this process, ready to predict."""

    predictor: Predictor
    name: str
    version: str


@dataclass(frozen=True, eq=False)
class LiveReplier:
    """A version of a reply model in this process, ready to suggest."""

    predictor: "ReplyPredictor"
    name: str
    version: str


@dataclass(frozen=True)
class LiveModels:
    """The models in this process: those of the intent's two slots, and those that there are of further parts."""

    production: LiveModel
    staging: LiveModel | None = None
    staging_percent: float = 0.0  # of the rooms: 0 to 100
    labellers: Mapping[str, LiveModel] = field(default_factory=dict)  # by task, in the order of their names
    replier: LiveReplier | None = None

    def choose(self, room_id: str | None) -> LiveModel:
        """The room's model: one for all its messages, in any process; a message without a room is production's.

        A room that staging has at some percentage, it has at any higher one.
        """
        if self.staging is None or room_id is None or _place(room_id) * 100 >= self.staging_percent:
            return self.production
        return self.staging

    @property
    def slots(self) -> dict[str, str | None]:
        """The version in each slot of the intent, and of each further part that has one."""
        further = {label_part(task): model.version for task, model in self.labellers.items()}
        return {
            "production": self.production.version,
            "staging": self.staging.version if self.staging else None,
            **({REPLY: self.replier.version} if self.replier else {}),
            **further,
        }


def label_part(task: str) -> str:
    """The part of a prediction that a task's model gives."""
    return f"labels.{task}"


def _place(room_id: str) -> float:
    """Of a room among all: even over [0, 1), and always the same."""
    return int.from_bytes(hashlib.blake2b(room_id.encode(), digest_size=6).digest(), "big") / 2**48
