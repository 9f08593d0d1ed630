"""Train a small model for each bot on the champion's encoder, and put them in use all at once.

    ./spark-submit.sh train_bots input.path=bots.jsonl        # rows with message_id, bot_id, text and intent
    ./spark-submit.sh train_bots                              # the bots there are, after another champion was promoted
    ./spark-submit.sh train_bots generator.bots.taught=5000   # generated ones

Bots that the input does not have stay as they are; of those that it has, only those are trained whose utterances are
others than before. docs/bots.md has the details.
"""

from dataclasses import replace
from datetime import timedelta

from pyspark.sql import DataFrame

from jobs import clean_messages
from jobs.job import Job, Summary, main, run_step
from jobs.lineage import find_clean, generator_day, taught_id
from pipelines.bot_training import RULES_VERSION, train_bots
from pipelines.bots import BotsConfig, collect_bots, merge_bots
from pipelines.errors import MalgilError
from pipelines.generation import generate_bots
from pipelines.io.bots_store import find_current, list_shards, publish_bots, read_bots, remove_old_versions
from pipelines.io.messages import read_clean_messages
from pipelines.io.model_files import version_id
from pipelines.io.raw_messages import InputConfig, write_raw_lines
from pipelines.io.registry import CHAMPION, download_model
from pipelines.io.store import Manifest, content_id
from pipelines.io.tracking import connect_mlflow
from pipelines.schemas import MESSAGE

SECTIONS = ("generator", "input", "cleaning", "training_set", "mlflow", "bots")


def run(job: Job) -> Summary:
    steps = {}
    if job.settings.generator.bots.taught and not job.settings.input.path:
        job = _with_generated_input(job)
    if job.settings.input.path:
        steps["clean_messages"] = run_step(job, "clean_messages", clean_messages.run)
    return {**steps, **run_step(job, "train_bots", _train)}


def _with_generated_input(job: Job) -> Job:
    """The same job, whose input are the generated bots."""
    output, generator = taught_id(job), job.settings.generator
    if job.store.manifest("raw", output) is None:
        lines = generate_bots(job.spark, generator, generator_day(job))
        job.store.publish("raw", output, lambda draft: write_raw_lines(draft, lines))
    generated = InputConfig(path=job.store.url("raw", output, "data"), intents=job.settings.input.intents)
    return replace(job, settings=replace(job.settings, input=generated))


def _train(job: Job) -> Summary:
    before, config = find_current(job.store), job.settings.bots
    clean = find_clean(job)["id"] if job.settings.input.path else None
    if before is None and clean is None:
        raise MalgilError(
            "train_bots: expected bots in the store or an input, found neither; set input.path, whose rows have "
            "message_id, bot_id, text and intent, or generator.bots.taught"
        )
    tracking = connect_mlflow(job.settings.mlflow)
    model = download_model(tracking, job.settings.mlflow.intent_model, CHAMPION)
    basis = content_id(version_id(model), config.min_utterances, config.in_scope_share, RULES_VERSION)
    if before and _is_done(before, clean, config, basis):
        return _summarize(job, before, skipped=True)
    shards = _find_changed(job, before, clean, basis)
    standing, told = read_bots(job.spark, job.store, before, shards=shards), _read_told(job, clean)
    bots = train_bots(merge_bots(standing, told, config, basis=basis), model, config, shards=shards)
    facts = {
        "champion": version_id(model), "basis": basis, "shards": config.shards, "is_complete": config.is_complete,
        "clean": clean or (before and before["clean"]), "made_at": job.now.isoformat(),
    }  # fmt: skip
    origin = {"versions": [f"{model.name}/{model.version}"], **({"clean": clean} if clean else {})}
    store = job.store.made_from(**origin, carried_over_from=before and before["version"])
    manifest = publish_bots(store, job.run_id, bots, before=before, facts=facts, shards=shards)
    remove_old_versions(job.store, before=job.now - timedelta(hours=config.keep_hours))
    return _summarize(job, manifest, skipped=False)


def _find_changed(job: Job, before: Manifest | None, clean: str | None, basis: str) -> list[int] | None:
    """The shards that the input's bots belong to, where all others stay as they are; else None: all are written."""
    config = job.settings.bots
    if before is None or clean is None or config.is_complete or "by_shard" not in before:
        return None
    if (before["basis"], before["shards"]) != (basis, config.shards):
        return None
    return list_shards(read_clean_messages(job.spark, job.store.url("clean", clean)), config) or None


def _is_done(before: Manifest, clean: str | None, config: BotsConfig, basis: str) -> bool:
    """Whether the version in use was made of the same, and the same way."""
    is_known = clean in (None, before["clean"]) and config.is_complete <= before["is_complete"]
    return is_known and (before["basis"], before["shards"]) == (basis, config.shards)


def _read_told(job: Job, clean: str | None) -> DataFrame:
    """The bots of the clean messages; none where there is no input."""
    messages = (
        read_clean_messages(job.spark, job.store.url("clean", clean))
        if clean
        else job.spark.createDataFrame([], MESSAGE)
    )
    return collect_bots(messages, job.settings.bots, job.settings.training_set)


def _summarize(job: Job, manifest: Manifest, *, skipped: bool) -> Summary:
    counts = ("bots", "trained", "without_head", "utterances", "accuracy", "test_accuracy")
    return {
        "version": manifest["version"], "champion": manifest["champion"],
        **{name: manifest[name] for name in counts},
        "output": job.store.url("bots", manifest["version"]), "skipped": skipped,
    }  # fmt: skip


if __name__ == "__main__":
    main(__file__, run, has_steps=True)
