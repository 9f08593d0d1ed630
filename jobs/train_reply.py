"""Learn from talk which answers to suggest: pairs, vetted answers in clusters, a network registered as malgil-reply.

./spark-submit.sh train_reply dataset=songys_chatbot data_root=../shared/data
"""

from dataclasses import asdict
from typing import Any

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean, pairs_id, reply_training_id
from jobs.reply_steps import measure_replies, promote_reply, register_replies
from jobs.training_steps import log_training
from pipelines.io.messages import read_clean_messages
from pipelines.io.pair_snapshots import KIND, PairSnapshotConfig, publish_pairs
from pipelines.io.registry import find_version
from pipelines.io.tracking import TrainingRun, connect_mlflow, finish_run, start_run
from pipelines.io.version_records import note_version
from pipelines.training import train_on_spark

SECTIONS = ("input", "cleaning", "training_set", "replies", "training", "mlflow")


def run(job: Job) -> Summary:
    settings, training = job.settings, reply_training_id(job)
    tracking, name = connect_mlflow(settings.mlflow), settings.mlflow.reply_model
    snapshot = _find_pairs(job)
    standing = job.store.manifest("trainings", training)
    if standing is None or find_version(tracking, name, training_id=training) is None:
        standing = None
        parameters = {"replies": asdict(settings.replies), "training": asdict(settings.training)}
        run = start_run(tracking, training, parameters=parameters, tags={"snapshot": pairs_id(job)})
        facts = _train(job, run)
        finish_run(run)
        job.store.publish("trainings", training, lambda _: facts)
    facts = job.store.manifest("trainings", training) or {}
    return {"rows": snapshot["rows"], "responses": snapshot["responses"], **facts, "skipped": standing is not None}


def _find_pairs(job: Job) -> dict[str, Any]:
    """The snapshot of pairs, made where it does not stand yet."""
    clean, settings = find_clean(job), job.settings
    replies = settings.replies
    config = PairSnapshotConfig(replies.pairs, settings.training_set, replies.responses, replies.clusters)
    messages = read_clean_messages(job.spark, job.store.url("clean", clean["id"]))
    has_validation, store = "validation" in clean["splits"], job.store.made_from(clean=clean["id"])
    return job.store.manifest(KIND, pairs_id(job)) or publish_pairs(
        store, pairs_id(job), messages, config, has_validation=has_validation
    )


def _train(job: Job, run: TrainingRun) -> dict[str, Any]:
    from models.dual_encoder import build_network  # TensorFlow: 4 s, and only if there is something to train

    result = train_on_spark(
        job.spark, job.store.url(KIND, pairs_id(job)), job.settings.training,
        build_network=build_network, network_config=job.settings.replies.network,
        run_url=job.store.url("checkpoints", run.training_id), on_progress=job.step.update,
    )  # fmt: skip
    log_training(run, result)
    measured = measure_replies(job, result)
    version = register_replies(job, run, measured)
    note_version(
        job.store.made_from(**{KIND: pairs_id(job)}),
        job.settings.mlflow.reply_model,
        version,
        training_id=run.training_id,
        mlflow_run=run.run_id,
    )
    decision = promote_reply(job, run.tracking, version, measured.ranking)
    return {
        "model": job.settings.mlflow.reply_model, "version": version, "snapshot": pairs_id(job),
        "mlflow_run": run.run_id, "ranks": result.ranks, "epochs": result.epochs, "best_epoch": result.best_epoch,
        "rows_per_s": round(result.rows_per_s), "metrics": measured.metrics, "promoted": decision.promoted,
        "reason": decision.reason,
    }  # fmt: skip


if __name__ == "__main__":
    main(__file__, run)
