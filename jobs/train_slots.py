"""Learn from messages with marked slots to find these: units, a network with a chain, registered as malgil-slots.

./spark-submit.sh train_slots dataset=massive_ko data_root=../shared/data recipe=slots

clean_messages comes before it; `input.columns.slots` names the column that marks the slots.
"""

from dataclasses import asdict
from typing import Any

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean, slot_training_id, tagged_id
from jobs.slot_steps import measure_slots, promote_slots, register_slots
from jobs.training_steps import note_trained_version, train_on_own_snapshot, train_once
from pipelines.io.messages import read_clean_messages
from pipelines.io.tagged_snapshots import KIND, publish_tagged
from pipelines.io.tracking import TrainingRun

SECTIONS = ("input", "cleaning", "training_set", "slot_filling", "training", "mlflow")


def run(job: Job) -> Summary:
    snapshot = _find_tagged(job)
    facts = train_once(
        job, slot_training_id(job), name=job.settings.mlflow.slots_model, snapshot=tagged_id(job),
        parameters={"slot_filling": asdict(job.settings.slot_filling)}, train=_train,
    )  # fmt: skip
    return {"rows": snapshot["rows"], "cut": snapshot["cut"], **facts}


def _find_tagged(job: Job) -> dict[str, Any]:
    """The snapshot of tagged messages, made where it does not stand yet."""
    clean, settings = find_clean(job), job.settings
    messages = read_clean_messages(job.spark, job.store.url("clean", clean["id"]))
    has_validation, store = "validation" in clean["splits"], job.store.made_from(clean=clean["id"])
    return job.store.manifest(KIND, tagged_id(job)) or publish_tagged(
        store, tagged_id(job), messages, settings.training_set, settings.slot_filling.tagged,
        has_validation=has_validation,
    )  # fmt: skip


def _train(job: Job, run: TrainingRun) -> dict[str, Any]:
    from models.tagger import build_network  # TensorFlow: 4 s, and only if there is something to train

    snapshot = tagged_id(job)
    result = train_on_own_snapshot(
        job, run, KIND, snapshot, build_network=build_network, network_config=job.settings.slot_filling.network
    )
    measured = measure_slots(job, result)
    version = register_slots(job, run, measured)
    facts = note_trained_version(
        job,
        run,
        KIND,
        snapshot,
        result,
        name=job.settings.mlflow.slots_model,
        version=version,
        metrics=measured.metrics,
    )
    decision = promote_slots(job, run.tracking, version, measured.metrics)
    return {**facts, "promoted": decision.promoted, "reason": decision.reason}


if __name__ == "__main__":
    main(__file__, run)
