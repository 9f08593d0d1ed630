"""Train the intent network on the snapshot, by Horovod in Spark's executors, and register it as challenger.

./spark-submit.sh train_intent dataset=massive_ko data_root=../shared/data training.ranks=2

With `task=sentiment` or `task=complaint` it trains another model on other labels in the same way.
"""

from dataclasses import asdict
from typing import Any

from jobs.job import Job, Summary, main
from jobs.lineage import distillation_id, find_model_name, find_snapshot, find_teacher, training_id
from jobs.training_steps import measure_test, register_network, train_network, train_once
from pipelines.io.distillation_set import publish_distillation_set
from pipelines.io.embedding_files import KIND
from pipelines.io.evaluations import evaluate_version
from pipelines.io.profiles import profile_version
from pipelines.io.registry import download_model, tag_version
from pipelines.io.snapshots import read_encoder
from pipelines.io.tracking import TrainingRun, log_document, log_pictures, log_results
from pipelines.io.version_records import note_version
from pipelines.pictures import draw_confusions, draw_learning_curves
from pipelines.training import TrainingResult

SECTIONS = ("input", "cleaning", "training_set", "network", "training", "distillation", "mlflow", "feedback")


def run(job: Job) -> Summary:
    return train_once(
        job, training_id(job), name=find_model_name(job), snapshot=find_snapshot(job)["id"],
        parameters={"network": asdict(job.settings.network)}, train=_train,
    )  # fmt: skip


def _train(job: Job, run: TrainingRun) -> dict[str, Any]:
    snapshot, settings = find_snapshot(job)["id"], job.settings
    learned = _find_learned(job, snapshot)
    result = train_network(job, run, learned, training=settings.training)
    facts = _register(job, run, result, snapshot)
    vectors = {KIND: settings.network.embeddings} if settings.network.embeddings else {}
    store = job.store.made_from(snapshots=learned, **vectors)
    note_version(store, facts["model"], facts["version"], training_id=run.training_id, mlflow_run=run.run_id)
    return facts


def _find_learned(job: Job, snapshot: str) -> str:
    """What the ranks read: the snapshot, or one like it with a teacher's targets, made if it does not stand."""
    teacher = find_teacher(job)
    if teacher is None:
        return snapshot
    output, settings = distillation_id(job, teacher), job.settings
    if job.store.manifest("snapshots", output) is None:
        origin = {"snapshots": snapshot, "versions": f"{teacher.name}/{teacher.version}"}
        publish_distillation_set(
            job.spark, job.store.made_from(**origin), output, base=snapshot, teacher=teacher,
            config=settings.distillation, training_set=settings.training_set,
        )  # fmt: skip
    return output


def _register(job: Job, run: TrainingRun, result: TrainingResult, snapshot: str) -> dict[str, Any]:
    """Register the trained network, score it on the test split and log both; returns the job's facts."""
    tracking, name = run.tracking, find_model_name(job)
    encoder = read_encoder(job.store, job.store.url("snapshots", snapshot))
    version, validation = register_network(job, run, result, name=name, encoder=encoder, snapshot=snapshot)
    files = download_model(tracking, name, version)
    evaluation = evaluate_version(job.spark, job.store, files, snapshot)
    profile_version(job.spark, job.store, files, snapshot)
    metrics = {**validation, **measure_test(evaluation)}
    tag_version(tracking, name, version, metrics)
    log_results(run, metrics)
    log_document(run, "evaluation.json", asdict(evaluation))
    log_pictures(
        run,
        {"confusions": draw_confusions(evaluation), "learning_curves": draw_learning_curves(result.history)},
    )
    return {
        "model": name, "version": version, "snapshot": snapshot, "mlflow_run": run.run_id, "ranks": result.ranks,
        "launches": len(result.launches), "epochs": result.epochs, "best_epoch": result.best_epoch,
        "rows_per_s": round(result.rows_per_s), "metrics": metrics, "history": result.history,
    }  # fmt: skip


if __name__ == "__main__":
    main(__file__, run)
