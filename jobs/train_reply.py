"""Learn from talk which answers to suggest: pairs, vetted answers in clusters, a network registered as malgil-reply.

./spark-submit.sh train_reply dataset=songys_chatbot data_root=../shared/data
"""

from dataclasses import asdict
from typing import Any

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean, pairs_id, reply_training_id
from jobs.reply_steps import measure_replies, promote_reply, register_replies
from jobs.training_steps import note_trained_version, train_on_own_snapshot, train_once
from pipelines.io.messages import read_clean_messages
from pipelines.io.pair_snapshots import KIND, PairSnapshotConfig, publish_pairs
from pipelines.io.tracking import TrainingRun

SECTIONS = ("input", "cleaning", "training_set", "replies", "training", "mlflow")


def run(job: Job) -> Summary:
    snapshot = _find_pairs(job)
    facts = train_once(
        job, reply_training_id(job), name=job.settings.mlflow.reply_model, snapshot=pairs_id(job),
        parameters={"replies": asdict(job.settings.replies)}, train=_train,
    )  # fmt: skip
    return {"rows": snapshot["rows"], "responses": snapshot["responses"], **facts}


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

    snapshot = pairs_id(job)
    result = train_on_own_snapshot(
        job, run, KIND, snapshot, build_network=build_network, network_config=job.settings.replies.network
    )
    measured = measure_replies(job, result)
    version = register_replies(job, run, measured)
    facts = note_trained_version(
        job,
        run,
        KIND,
        snapshot,
        result,
        name=job.settings.mlflow.reply_model,
        version=version,
        metrics=measured.metrics,
    )
    decision = promote_reply(job, run.tracking, version, measured.ranking)
    return {**facts, "promoted": decision.promoted, "reason": decision.reason}


if __name__ == "__main__":
    main(__file__, run)
