"""Which models predict live, by the settings: predict_stream and serve follow the same ones."""

from pipelines.io.followed_models import ModelSource
from pipelines.io.live_releases import LiveNames
from pipelines.settings import Settings


def name_models(settings: Settings) -> LiveNames:
    """Their registered names."""
    live, mlflow = settings.live, settings.mlflow
    return LiveNames(
        mlflow.intent_model,
        reply=mlflow.reply_model if live.with_replies else None,
        labels=mlflow.label_models if live.with_labels else {},
    )


def source_models(settings: Settings, folder: str) -> ModelSource:
    """Where a worker finds them, once released into the folder, and how it uses them."""
    live, names = settings.live, name_models(settings)
    return ModelSource(
        folder, live.look_every_s, settings.prediction, live.staging_percent, tasks=tuple(names.labels),
        suggestions=settings.replies.suggestions if names.reply else None,
    )  # fmt: skip
