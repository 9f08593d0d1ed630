"""Predict the intent of every clean message with the champion, and suggest answers, into Parquet and Redis.

Answers are chosen, or written (`replies.source`), by the champion of that kind of model, if there is one.
Models of further tasks (`mlflow.label_models`) that have a champion add their `labels`, and one of `mlflow.slots_model`
the `slots`.

./spark-submit.sh predict_batch input.path=… redis.url=redis://host:6379/0
"""

import time
from dataclasses import asdict

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean
from pipelines.answers import add_answers
from pipelines.io.bots_store import find_source
from pipelines.io.knowledge_bases import KnowledgeSource
from pipelines.io.knowledge_store import find_knowledge
from pipelines.io.messages import read_clean_messages
from pipelines.io.model_files import ModelFiles, version_id
from pipelines.io.predictions import are_published, publish_predictions, read_address
from pipelines.io.registry import download_champions, download_model
from pipelines.io.store import content_id
from pipelines.io.tracking import Tracking, connect_mlflow
from pipelines.prediction import add_predictions
from pipelines.replies import ReplySource, add_replies
from pipelines.settings import Settings
from pipelines.slot_filling import add_slots
from pipelines.training_set import select_speakers
from pipelines.written_replies import add_written_replies, writing_rules

SECTIONS = ("input", "cleaning", "training_set", "mlflow", "bots", "knowledge", "prediction", "replies", "redis")


def run(job: Job) -> Summary:
    settings, started = job.settings, time.monotonic()
    clean = find_clean(job)
    tracking = connect_mlflow(settings.mlflow)
    model = download_model(tracking, settings.mlflow.intent_model, "champion")
    replier = _find_replier(tracking, settings)
    labellers = download_champions(tracking, settings.mlflow.label_models)
    bots, knowledge = find_source(job.store, model, settings.bots), find_knowledge(job.store, settings.knowledge)
    labels = {task: labeller.version for task, labeller in labellers.items()}
    tagger = download_champions(tracking, {"slots": settings.mlflow.slots_model}).get("slots")
    rules = writing_rules(settings.replies)
    suggesting = [replier.name, replier.version, asdict(settings.replies.suggestions), asdict(rules)] if replier else []
    output = content_id(
        clean["id"], model.name, model.version, asdict(settings.prediction), *([labels] if labels else []), *suggesting,
        *([bots.version.version, bots.version.files] if bots else []),
        *([tagger.name, tagger.version] if tagger else []),
        *([knowledge.version.version, knowledge.rules.count] if knowledge else []),
    )  # fmt: skip
    skipped = are_published(job.store, output, settings.redis, job.spark)
    url = job.store.url("clean", clean["id"])
    messages = select_speakers(read_clean_messages(job.spark, url), settings.training_set)
    if replier and replier.name == settings.mlflow.seq2seq_model:
        messages = add_written_replies(messages, replier, rules)
    elif replier:
        messages = add_replies(messages, replier, settings.replies.suggestions)
    if tagger:
        messages = add_slots(messages, tagger)
    if knowledge:
        messages = add_answers(messages, knowledge, _find_reader(tracking, settings, knowledge))
    predictions = add_predictions(
        messages, model, settings.prediction, predicted_at=job.now, labellers=labellers,
        reply_version=replier.version if replier else None, slots_version=tagger.version if tagger else None, bots=bots,
    )  # fmt: skip
    used = [model, *labellers.values(), *(one for one in (replier, tagger) if one)]
    versions = [f"{one.name}/{one.version}" for one in used]
    of_bots = {"bots": bots, "knowledge": knowledge}
    used_by_bots = {kind: source.version.version for kind, source in of_bots.items() if source}
    origin = {"clean": clean["id"], "versions": versions, **used_by_bots}
    counts = publish_predictions(job.store.made_from(**origin), output, predictions, settings.redis)
    rate = round(counts["predictions"] / (time.monotonic() - started))
    return {
        "predictions": counts["predictions"], "rows_per_s": rate, "redis_keys": counts["predictions"],
        "out_of_scope": counts["out_of_scope"], "model": model.name, "version": model.version, "labels": labels,
        "reply_model": replier.name if replier else None, "reply_version": replier.version if replier else None,
        "slots_version": tagger.version if tagger else None,
        **{kind: used_by_bots.get(kind) for kind in of_bots},
        "redis": read_address(settings.redis, job.spark), "output": job.store.url("predictions", output),
        "skipped": skipped,
    }  # fmt: skip


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


if __name__ == "__main__":
    main(__file__, run)
