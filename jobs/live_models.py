"""Which models predict live, by the settings: predict_stream and serve follow the same ones."""

from jobs.job import PlainJob
from pipelines.events import EventKind
from pipelines.io.bots_store import bots_folder
from pipelines.io.followed_models import ModelSource
from pipelines.io.knowledge_store import knowledge_folder, name_rules
from pipelines.io.live_releases import LiveNames
from pipelines.io.store import Store
from pipelines.settings import Settings


def name_models(settings: Settings) -> LiveNames:
    """Their registered names."""
    live, mlflow = settings.live, settings.mlflow
    return LiveNames(
        mlflow.intent_model,
        reply=mlflow.reply_model if live.with_replies else None,
        labels=mlflow.label_models if live.with_labels else {},
        found_slots=mlflow.slots_model if live.with_slots else None,
    )


def tell_refusal(job: PlainJob, name: str, version: str, reason: str) -> None:
    """Others are told that the version failed its checks."""
    job.events.tell(EventKind.REFUSED, model=name, version=version, reason=reason)


def source_models(settings: Settings, folder: str, store: Store) -> ModelSource:
    """Where a worker finds them, once released into the folder, and how it uses them; the store has what bots have."""
    live, names = settings.live, name_models(settings)
    return ModelSource(
        folder, live.look_every_s, settings.prediction, live.staging_percent, tasks=tuple(names.labels),
        suggestions=settings.replies.suggestions if names.reply else None,
        with_slots=names.found_slots is not None,
        bots=bots_folder(store), bots_cached=settings.bots.cached,
        knowledge=knowledge_folder(store), knowledge_rules=name_rules(settings.knowledge),
    )  # fmt: skip
