"""The models that live messages are predicted with, and which one predicts a room's intents while two are live."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.answers import find_answers
from pipelines.io.bot_heads import BotHeads, LiveHead
from pipelines.io.filesystems import describe_fault
from pipelines.io.knowledge_bases import KnowledgeBases
from pipelines.io.sharded_versions import ShardError
from pipelines.passage_index import Answer, ReadSentences
from pipelines.prediction import Predictor

if TYPE_CHECKING:
    from pipelines.replies import ReplyPredictor
    from pipelines.slot_filling import SlotTagger

REPLY = "reply"  # the part of a prediction that a reply model gives
BOTS = "bots"  # the heads of bots
SLOTS = "slots"  # the part of a prediction that a model gives which finds slots in what was said
KNOWLEDGE = "knowledge"  # what bots answer from

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LiveModel:
    """A version of a model in this process, ready to predict."""

    predictor: Predictor
    name: str
    version: str
    files_id: str = ""  # pipelines.io.model_files.version_id: whose encoder bots' heads or knowledge bases read


@dataclass(frozen=True, eq=False)
class LiveReplier:
    """A version of a reply model in this process, ready to suggest."""

    predictor: "ReplyPredictor"
    name: str
    version: str
    files_id: str = ""  # as of a LiveModel


@dataclass(frozen=True, eq=False)
class LiveTagger:
    """A version of a model that finds slots in this process, ready to find them."""

    tagger: "SlotTagger"
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
    bots: BotHeads | None = None
    tagger: LiveTagger | None = None
    knowledge: KnowledgeBases | None = None

    def choose(self, room_id: str | None) -> LiveModel:
        """The room's model: one for all its messages, in any process; a message without a room is production's.

        A room that staging has at some percentage, it has at any higher one.
        """
        if self.staging is None or room_id is None or _place(room_id) * 100 >= self.staging_percent:
            return self.production
        return self.staging

    def find_heads(self, model: LiveModel, bot_ids: Sequence[str | None]) -> dict[str, LiveHead]:
        """The heads of the bots that have one on this model; none where the store does not give them whole."""
        if self.bots is None or self.bots.version.champion != model.files_id:
            return {}
        try:
            return self.bots.find({bot_id for bot_id in bot_ids if bot_id is not None})
        except (
            OSError,
            RuntimeError,
            ShardError,
        ) as error:  # a message waits for no store: the model of all predicts it
            log.warning("bots are predicted by %s alone: %s", model.name, describe_fault(error))
            return {}

    def find_answers(self, texts: Sequence[str], bot_ids: Sequence[str | None]) -> list[list[Answer] | None]:
        """The answers to each clean text, said to its bot; None where the bot has no knowledge base.

        Where the store does not give them whole there are none either.
        """
        nothing: list[list[Answer] | None] = [None] * len(texts)
        if self.knowledge is None:
            return nothing
        try:
            return find_answers(self.knowledge, texts, bot_ids, self.find_reader())
        except (OSError, RuntimeError, ShardError) as error:  # as above
            log.warning("messages have no answers: %s", describe_fault(error))
            return nothing

    def find_reader(self) -> ReadSentences | None:
        """What makes the vectors that the knowledge bases have; None where they are those of no model that is live."""
        files_id = self.knowledge.version.champion if self.knowledge else ""
        if files_id and self.production.files_id == files_id:
            return self.production.predictor.read_sentences
        if files_id and self.replier and self.replier.files_id == files_id:
            return self.replier.predictor.predictor.read_sentences
        return None

    @property
    def slots(self) -> dict[str, str | None]:
        """The version in each slot of the intent, and of each further part that has one."""
        further = {label_part(task): model.version for task, model in self.labellers.items()}
        return {
            "production": self.production.version,
            "staging": self.staging.version if self.staging else None,
            **({REPLY: self.replier.version} if self.replier else {}),
            **({BOTS: self.bots.version.version} if self.bots else {}),
            **({SLOTS: self.tagger.version} if self.tagger else {}),
            **({KNOWLEDGE: self.knowledge.version.version} if self.knowledge else {}),
            **further,
        }


def label_part(task: str) -> str:
    """The part of a prediction that a task's model gives."""
    return f"labels.{task}"


def _place(room_id: str) -> float:
    """Of a room among all: even over [0, 1), and always the same."""
    return int.from_bytes(hashlib.blake2b(room_id.encode(), digest_size=6).digest(), "big") / 2**48
