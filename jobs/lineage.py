"""Which output of the store belongs to a job's settings: every id follows from the ids and settings before it.

So jobs need not be told where the one before wrote, equal work is done once, and a killed run goes on where it was.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date

from jobs.job import Job
from pipelines.cleaning import RULES_VERSION
from pipelines.day import KOREA
from pipelines.errors import MalgilError
from pipelines.io.feedback_store import FiledFeedback, count_corrections, find_feedback
from pipelines.io.model_files import ModelFiles, read_manifest_sha256
from pipelines.io.raw_messages import InputConfig, list_raw_files
from pipelines.io.registry import download_model
from pipelines.io.store import Manifest, content_id
from pipelines.io.tracking import connect_mlflow
from pipelines.search_space import Range
from pipelines.seq2seq import use_units
from pipelines.settings import INTENT
from udfs.tagging_units import ASPECTS


def today(job: Job) -> date:
    """The run's day in Korea."""
    return job.now.astimezone(KOREA).date()


def generator_day(job: Job) -> date:
    """The day of the generated messages: the setting, else today in Korea."""
    day = job.settings.generator.day
    return date.fromisoformat(day) if day else today(job)


def generated_id(job: Job) -> str:
    return content_id("raw", asdict(job.settings.generator), generator_day(job).isoformat())


def taught_id(job: Job) -> str:
    """Of the generated bots."""
    return content_id("bots", asdict(job.settings.generator), generator_day(job).isoformat())


def find_input(job: Job) -> InputConfig:
    """The input's settings; without a path, those of the generated messages."""
    if job.settings.input.path:
        return job.settings.input
    if job.store.manifest("raw", generated_id(job)) is None:
        raise MalgilError("input.path is empty and no messages were generated; set it, or run generate_messages first")
    return InputConfig(path=job.store.url("raw", generated_id(job), "data"), intents=job.settings.input.intents)


def clean_id(job: Job) -> str:
    """Of the input's files as they are now, how they are read, and the rules of cleaning."""
    source = find_input(job)
    reading = asdict(replace(source, path=""))
    return content_id(
        "clean", list_raw_files(source).fingerprint, reading, asdict(job.settings.cleaning), RULES_VERSION
    )


def find_clean(job: Job) -> Manifest:
    """The clean messages' manifest, with their `id`."""
    return _find(job, "clean", clean_id(job), "clean_messages")


def find_filed_feedback(job: Job) -> FiledFeedback:
    """The corrections that a training set takes in: filed before `feedback.until`; new ones once they can be judged.

    They correct intents, so another task takes in none.
    """
    if job.settings.task != INTENT:
        return FiledFeedback(new=(), trusted=())
    config = job.settings.feedback
    filed = find_feedback(job.store, config, until=date.fromisoformat(config.until) if config.until else today(job))
    is_enough = count_corrections(job.store, filed.new) >= config.min_corrections
    return filed if is_enough else replace(filed, new=())


def snapshot_id(job: Job) -> str:
    """Of what the clean messages say, wherever they came from, the training set's settings, and the feedback."""
    settings, filed = job.settings, find_filed_feedback(job)
    feedback = [asdict(filed), settings.feedback.held_out_share] if filed.all else []
    return content_id("snapshot", find_clean(job)["content"], asdict(settings.training_set), *feedback)


def find_snapshot(job: Job) -> Manifest:
    """The snapshot's manifest, with its `id`."""
    return _find(job, "snapshots", snapshot_id(job), "build_training_set")


def find_teacher(job: Job) -> ModelFiles | None:
    """Whom the network learns from; None where it learns from labels alone."""
    name, _, version = job.settings.distillation.teacher.rpartition("/")
    if not job.settings.distillation.teacher:
        return None
    if not name:
        raise MalgilError(
            f"distillation.teacher: expected a registered model as NAME/VERSION, received {version!r}; "
            "MLflow lists them"
        )
    return download_model(connect_mlflow(job.settings.mlflow), name, version)


def distillation_id(job: Job, teacher: ModelFiles) -> str:
    """Of the snapshot, the teacher, and how both are mixed."""
    parts = read_manifest_sha256(teacher), job.settings.distillation.share
    return content_id("distillation", snapshot_id(job), *parts)


def training_id(job: Job) -> str:
    """Of the snapshot, the network, how it is trained, and by whom; and the task, if it is not the intents."""
    settings, teacher = job.settings, find_teacher(job)
    learned = distillation_id(job, teacher) if teacher else snapshot_id(job)
    task = [] if settings.task == INTENT else [settings.task]
    return content_id("training", learned, asdict(settings.network), asdict(settings.training), *task)


def find_model_name(job: Job) -> str:
    """The registered name of the task's models."""
    mlflow, task = job.settings.mlflow, job.settings.task
    name = mlflow.intent_model if task == INTENT else mlflow.label_models.get(task)
    if name is None:
        known = ", ".join(mlflow.label_models) or "nothing"
        raise MalgilError(f"mlflow.label_models: expected a model's name for the task {task}, found {known}; add one")
    return name


def pairs_id(job: Job) -> str:
    """Of what the clean messages say, and how they become pairs and answers to suggest."""
    replies = job.settings.replies
    parts = [asdict(part) for part in (job.settings.training_set, replies.pairs, replies.responses, replies.clusters)]
    return content_id("pairs", find_clean(job)["content"], *parts)


def reply_training_id(job: Job) -> str:
    """Of the pairs, the reply network, how it is trained, and when it suggests."""
    replies = job.settings.replies
    parts = [asdict(part) for part in (replies.network, replies.trigger, replies.suggestions, job.settings.training)]
    return content_id("reply", pairs_id(job), *parts)


def written_pairs_id(job: Job) -> str:
    """Of what the clean messages say, how they become pairs and units, and which answers may be learned."""
    replies = job.settings.replies
    parts = [asdict(part) for part in (use_units(job.settings.training_set, replies.seq2seq.units), replies.pairs)]
    return content_id("pairs", find_clean(job)["content"], "written", *parts, replies.responses.blocklist)


def seq2seq_training_id(job: Job) -> str:
    """Of the pairs, the network that writes, and how it is trained; how it searches is measured with it."""
    seq2seq = job.settings.replies.seq2seq
    parts = [asdict(part) for part in (seq2seq.network, seq2seq.search, job.settings.training)]
    return content_id("seq2seq", written_pairs_id(job), *parts)


def tagged_id(job: Job) -> str:
    """Of the clean messages with their marked slots, and how they become units and tags."""
    parts = [asdict(part) for part in (job.settings.training_set, job.settings.slot_filling.tagged)]
    return content_id("tagged", find_clean(job)["id"], *parts, ASPECTS)


def slot_training_id(job: Job) -> str:
    """Of the tagged messages, the network, and how it is trained."""
    parts = [asdict(part) for part in (job.settings.slot_filling.network, job.settings.training)]
    return content_id("slots", tagged_id(job), *parts)


def study_id(job: Job, space: Sequence[Range]) -> str:
    """Of the snapshot, the settings that all trials have in common, and how the others are drawn from the space.

    How many trials there are to be does not matter: the same study may go on.
    """
    settings, tune = job.settings, job.settings.tune
    common = [asdict(settings.network), asdict(settings.training), tune.sampler, tune.pruner, tune.seed]
    return f"tune-{content_id('study', snapshot_id(job), *common, [asdict(item) for item in space])}"


def _find(job: Job, kind: str, output_id: str, maker: str) -> Manifest:
    manifest = job.store.manifest(kind, output_id)
    if manifest is None:
        raise MalgilError(
            f"expected {kind}/{output_id} in the store, found nothing; run {maker} with these settings first"
        )
    return {**manifest, "id": output_id}
