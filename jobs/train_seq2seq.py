"""Learn from talk to write answers unit by unit: pairs, an encoder and a decoder, registered as malgil-seq2seq.

./spark-submit.sh train_seq2seq dataset=songys_chatbot data_root=../shared/data recipe=seq2seq
"""

from dataclasses import asdict, replace
from typing import Any

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean, seq2seq_training_id, written_pairs_id
from jobs.seq2seq_steps import measure_writing, register_writer
from jobs.training_steps import note_trained_version, train_on_own_snapshot, train_once
from pipelines.io.messages import read_clean_messages
from pipelines.io.pair_snapshots import KIND, WrittenPairsConfig, publish_written_pairs
from pipelines.io.tracking import TrainingRun
from pipelines.seq2seq import use_units

SECTIONS = ("input", "cleaning", "training_set", "replies", "training", "mlflow")


def run(job: Job) -> Summary:
    snapshot = _find_pairs(job)
    facts = train_once(
        job, seq2seq_training_id(job), name=job.settings.mlflow.seq2seq_model, snapshot=written_pairs_id(job),
        parameters={"seq2seq": asdict(job.settings.replies.seq2seq)}, train=_train,
    )  # fmt: skip
    return {"rows": snapshot["rows"], **facts}


def _find_pairs(job: Job) -> dict[str, Any]:
    """The snapshot of pairs, made where it does not stand yet."""
    clean, settings = find_clean(job), job.settings
    units, replies = settings.replies.seq2seq.units, settings.replies
    config = WrittenPairsConfig(
        replace(replies.pairs, max_reply_chars=min(replies.pairs.max_reply_chars, units.length)),
        use_units(settings.training_set, units),
        replies.responses.blocklist,
    )
    messages = read_clean_messages(job.spark, job.store.url("clean", clean["id"]))
    has_validation, store = "validation" in clean["splits"], job.store.made_from(clean=clean["id"])
    return job.store.manifest(KIND, written_pairs_id(job)) or publish_written_pairs(
        store, written_pairs_id(job), messages, config, has_validation=has_validation
    )


def _train(job: Job, run: TrainingRun) -> dict[str, Any]:
    from models.seq2seq import build_network  # TensorFlow: 4 s, and only if there is something to train

    snapshot = written_pairs_id(job)
    result = train_on_own_snapshot(
        job, run, KIND, snapshot, build_network=build_network, network_config=job.settings.replies.seq2seq.network
    )
    measured = measure_writing(job, run.tracking, result)
    version = register_writer(job, run, measured)
    return note_trained_version(
        job,
        run,
        KIND,
        snapshot,
        result,
        name=job.settings.mlflow.seq2seq_model,
        version=version,
        metrics=measured.metrics,
    )


if __name__ == "__main__":
    main(__file__, run)
