"""Which models predict a batch, by the settings: the champions, what each adds to a prediction, how it is named."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame

from jobs.job import Job, Summary
from pipelines.answers import add_answers
from pipelines.io.bot_heads import BotSource
from pipelines.io.bots_store import find_source
from pipelines.io.knowledge_bases import KnowledgeSource
from pipelines.io.knowledge_store import find_knowledge
from pipelines.io.model_files import ModelFiles, version_id
from pipelines.io.registry import download_champions, download_model
from pipelines.io.tracking import Tracking, connect_mlflow
from pipelines.prediction import add_predictions
from pipelines.replies import ReplySource, add_replies
from pipelines.settings import Settings
from pipelines.slot_filling import add_slots
from pipelines.written_replies import add_written_replies, writing_rules


@dataclass(frozen=True)
class BatchModels:
    """The model of the intent, and those that there are of a prediction's further parts."""

    intent: ModelFiles
    labellers: Mapping[str, ModelFiles]  # by task
    replier: ModelFiles | None
    bots: BotSource | None
    tagger: ModelFiles | None
    knowledge: KnowledgeSource | None
    reader: ModelFiles | None  # whose vectors the knowledge bases have; None: answers are found by words alone

    @property
    def labels(self) -> dict[str, str]:
        """The version of each task."""
        return {task: model.version for task, model in self.labellers.items()}

    @property
    def origin(self) -> dict[str, Any]:
        """What the predictions are made from, beside their messages."""
        models = [self.intent, *self.labellers.values(), *(one for one in (self.replier, self.tagger) if one)]
        return {"versions": [f"{one.name}/{one.version}" for one in models], **self._of_bots}

    @property
    def told(self) -> Summary:
        """The versions, for the job's summary."""
        return {
            "model": self.intent.name, "version": self.intent.version, "labels": self.labels,
            "reply_model": self.replier.name if self.replier else None, "reply_version": _version(self.replier),
            "slots_version": _version(self.tagger), "bots": None, "knowledge": None, **self._of_bots,
        }  # fmt: skip

    def identify(self, settings: Settings) -> list[Any]:
        """What tells these predictions from others of the same messages: versions, and the rules that they go by."""
        suggesting = [asdict(settings.replies.suggestions), asdict(writing_rules(settings.replies))]
        return [
            self.intent.name, self.intent.version, asdict(settings.prediction),
            *([self.labels] if self.labels else []),
            *([self.replier.name, self.replier.version, *suggesting] if self.replier else []),
            *([self.bots.version.version, self.bots.version.files] if self.bots else []),
            *([self.tagger.name, self.tagger.version] if self.tagger else []),
            *([self.knowledge.version.version, self.knowledge.rules.count] if self.knowledge else []),
        ]  # fmt: skip

    def predict(self, messages: DataFrame, settings: Settings, *, predicted_at: datetime) -> DataFrame:
        """One row of PREDICTION for each clean message."""
        if self.replier and self.replier.name == settings.mlflow.seq2seq_model:
            messages = add_written_replies(messages, self.replier, writing_rules(settings.replies))
        elif self.replier:
            messages = add_replies(messages, self.replier, settings.replies.suggestions)
        if self.tagger:
            messages = add_slots(messages, self.tagger)
        if self.knowledge:
            messages = add_answers(messages, self.knowledge, self.reader)
        return add_predictions(
            messages, self.intent, settings.prediction, predicted_at=predicted_at, labellers=self.labellers,
            reply_version=_version(self.replier), slots_version=_version(self.tagger), bots=self.bots,
        )  # fmt: skip

    @property
    def _of_bots(self) -> dict[str, str]:
        """The versions of what bots have."""
        sources = {"bots": self.bots, "knowledge": self.knowledge}
        return {kind: source.version.version for kind, source in sources.items() if source}


def find_models(job: Job) -> BatchModels:
    """The champions of now, their files downloaded. Raises MalgilError where the intent's model has none."""
    settings, tracking = job.settings, connect_mlflow(job.settings.mlflow)
    intent = download_model(tracking, settings.mlflow.intent_model, "champion")
    knowledge = find_knowledge(job.store, settings.knowledge)
    return BatchModels(
        intent,
        labellers=download_champions(tracking, settings.mlflow.label_models),
        replier=_find_replier(tracking, settings),
        bots=find_source(job.store, intent, settings.bots),
        tagger=download_champions(tracking, {"slots": settings.mlflow.slots_model}).get("slots"),
        knowledge=knowledge,
        reader=_find_reader(tracking, settings, knowledge) if knowledge else None,
    )


def _version(model: ModelFiles | None) -> str | None:
    return model.version if model else None


def _find_replier(tracking: Tracking, settings: Settings) -> ModelFiles | None:
    """The champion of the kind that the settings name; where that has none, the other's."""
    mlflow, source = settings.mlflow, settings.replies.source
    names = {ReplySource.selection.value: mlflow.reply_model, ReplySource.seq2seq.value: mlflow.seq2seq_model}
    champions = download_champions(tracking, names)
    return champions.get(source.value) or next(iter(champions.values()), None)


def _find_reader(tracking: Tracking, settings: Settings, knowledge: KnowledgeSource) -> ModelFiles | None:
    """The champion whose vectors the knowledge bases have; None where another one has taken its place."""
    names = {name: name for name in (settings.mlflow.intent_model, settings.mlflow.reply_model)}
    champions = download_champions(tracking, names).values()
    return next((one for one in champions if version_id(one) == knowledge.version.champion), None)
