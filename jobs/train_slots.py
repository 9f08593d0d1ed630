"""Learn from messages with marked slots to find these: units, a network with a chain, registered as malgil-slots.

./spark-submit.sh train_slots dataset=massive_ko data_root=../shared/data recipe=slots

clean_messages comes before it; `input.columns.slots` names the column that marks the slots.
"""

from dataclasses import asdict
from typing import Any

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean, slot_training_id, tagged_id
from jobs.slot_steps import measure_slots, promote_slots, register_slots
from jobs.training_steps import log_training
from pipelines.io.messages import read_clean_messages
from pipelines.io.registry import find_version
from pipelines.io.tagged_snapshots import KIND, publish_tagged
from pipelines.io.tracking import TrainingRun, connect_mlflow, finish_run, start_run
from pipelines.io.version_records import note_version
from pipelines.training import train_on_spark

SECTIONS = ("input", "cleaning", "training_set", "slot_filling", "training", "mlflow")


def run(job: Job) -> Summary:
    settings, training = job.settings, slot_training_id(job)
    tracking, name = connect_mlflow(settings.mlflow), settings.mlflow.slots_model
    snapshot = _find_tagged(job)
    standing = job.store.manifest("trainings", training)
    if standing is None or find_version(tracking, name, training_id=training) is None:
        standing = None
        parameters = {"slot_filling": asdict(settings.slot_filling), "training": asdict(settings.training)}
        run = start_run(tracking, training, parameters=parameters, tags={"snapshot": tagged_id(job)})
        facts = _train(job, run)
        finish_run(run)
        job.store.publish("trainings", training, lambda _: facts)
    facts = job.store.manifest("trainings", training) or {}
    return {"rows": snapshot["rows"], "cut": snapshot["cut"], **facts, "skipped": standing is not None}


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

    result = train_on_spark(
        job.spark, job.store.url(KIND, tagged_id(job)), job.settings.training,
        build_network=build_network, network_config=job.settings.slot_filling.network,
        run_url=job.store.url("checkpoints", run.training_id), on_progress=job.step.update,
    )  # fmt: skip
    log_training(run, result)
    measured = measure_slots(job, result)
    version = register_slots(job, run, measured)
    note_version(
        job.store.made_from(**{KIND: tagged_id(job)}),
        job.settings.mlflow.slots_model,
        version,
        training_id=run.training_id,
        mlflow_run=run.run_id,
    )
    decision = promote_slots(job, run.tracking, version, measured.metrics)
    return {
        "model": job.settings.mlflow.slots_model, "version": version, "snapshot": tagged_id(job),
        "mlflow_run": run.run_id, "ranks": result.ranks, "epochs": result.epochs, "best_epoch": result.best_epoch,
        "rows_per_s": round(result.rows_per_s), "metrics": measured.metrics, "promoted": decision.promoted,
        "reason": decision.reason,
    }  # fmt: skip


if __name__ == "__main__":
    main(__file__, run)
