"""Train the intent network on the snapshot, by Horovod in Spark's executors, and register it as challenger.

./spark-submit.sh train_intent dataset=massive_ko data_root=../shared/data training.ranks=2
"""

from dataclasses import asdict
from typing import Any

from jobs.job import Job, Summary, main
from jobs.lineage import find_snapshot, training_id
from pipelines.evaluation import Evaluation
from pipelines.io.evaluations import evaluate_version
from pipelines.io.registry import download_model, find_version, register_model, tag_version
from pipelines.io.snapshots import read_encoder
from pipelines.io.tracking import (
    TrainingRun,
    connect_mlflow,
    finish_run,
    log_document,
    log_epochs,
    log_pictures,
    log_results,
    start_run,
)  # fmt: skip
from pipelines.pictures import draw_confusions, draw_learning_curves
from pipelines.training import TrainingResult, train_on_spark

SECTIONS = ("input", "cleaning", "training_set", "network", "training", "mlflow")


def run(job: Job) -> Summary:
    tracking, training = connect_mlflow(job.settings.mlflow), training_id(job)
    name, snapshot = job.settings.mlflow.intent_model, find_snapshot(job)
    standing = job.store.manifest("trainings", training)
    if standing is None or find_version(tracking, name, training_id=training) is None:
        standing = None
        parameters = {"network": asdict(job.settings.network), "training": asdict(job.settings.training)}
        tags = {"snapshot": snapshot["id"], "malgil_run": job.run_id}
        run = start_run(tracking, training, parameters=parameters, tags=tags)
        result = _train(job, run, snapshot["id"])
        facts = _register(job, run, result, snapshot["id"])
        finish_run(run)
        job.store.publish("trainings", training, lambda _: facts)
    return {**(job.store.manifest("trainings", training) or {}), "skipped": standing is not None}


def _train(job: Job, run: TrainingRun, snapshot: str) -> TrainingResult:
    from models.cnn import build_network  # TensorFlow: 4 s, and only if there is something to train

    result = train_on_spark(
        job.spark,
        job.store.url("snapshots", snapshot),
        job.settings.training,
        build_network=build_network,
        network_config=job.settings.network,
        run_url=job.store.url("checkpoints", run.training_id),
        on_progress=job.step.update,
    )
    log_epochs(run, result.history)
    log_document(run, "launches.json", {"launches": [asdict(launch) for launch in result.launches]})
    log_results(run, {"launches": len(result.launches), "final_ranks": result.ranks})
    return result


def _register(job: Job, run: TrainingRun, result: TrainingResult, snapshot: str) -> dict[str, Any]:
    """Register the trained network, score it on the test split and log both; returns the job's facts."""
    from models.cnn import build_network, with_probabilities
    from models.weights import assign_variables, load_npz

    tracking, name = run.tracking, job.settings.mlflow.intent_model
    encoder = read_encoder(job.store, job.store.url("snapshots", snapshot))
    network = build_network(encoder.inputs, classes=len(encoder.intents), config=job.settings.network)
    assign_variables(network.weights, load_npz(result.weights_url)[0]["weights"])
    validation = {"validation_accuracy": result.history[result.best_epoch - 1]["validation_accuracy"]}
    version = register_model(
        run, name, network=with_probabilities(network), encoder=encoder, snapshot=snapshot, metrics=validation
    )
    evaluation = evaluate_version(job.spark, job.store, download_model(tracking, name, version), snapshot)
    metrics = {**validation, **_test_metrics(evaluation)}
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


def _test_metrics(evaluation: Evaluation) -> dict[str, float]:
    return {
        "test_rows": evaluation.rows,
        "test_accuracy": evaluation.accuracy,
        "test_macro_f1": evaluation.macro_f1,
        "test_calibration_error": evaluation.calibration_error,
    }


if __name__ == "__main__":
    main(__file__, run)
