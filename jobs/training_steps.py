"""What trainings have in common: one run for each id, the ranks' work, the registered version, its numbers."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from jobs.job import Job, Summary
from models.training_config import TrainingConfig
from pipelines.encoding import TextEncoder
from pipelines.evaluation import Evaluation
from pipelines.io.registry import find_version, register_model
from pipelines.io.snapshots import count_labels, read_encoder
from pipelines.io.tracking import (
    TrainingRun,
    connect_mlflow,
    finish_run,
    log_document,
    log_epochs,
    log_results,
    start_run,
)  # fmt: skip
from pipelines.io.version_records import note_version
from pipelines.training import TrainingResult, train_on_spark
from pipelines.warm_start import write_pretrained_weights

Train = Callable[[Job, TrainingRun], Summary]
"""Trains in the run, registers a version; returns what is to be known of it."""


def train_once(
    job: Job, training: str, *, name: str, snapshot: str, parameters: Mapping[str, Any], train: Train
) -> Summary:
    """The facts of the training with this id, which `train` makes where they, or the version of them, do not stand yet.

    `parameters` are those of its run beside the training's own settings; `skipped` tells that it stood.
    """
    tracking, settings = connect_mlflow(job.settings.mlflow), asdict(job.settings.training)
    standing = job.store.manifest("trainings", training)
    if standing is not None and find_version(tracking, name, training_id=training) is not None:
        return {**standing, "skipped": True}
    tags = {"snapshot": snapshot, "malgil_run": job.run_id}
    run = start_run(tracking, training, parameters={**parameters, "training": settings}, tags=tags)
    facts = train(job, run)
    finish_run(run)
    job.store.publish("trainings", training, lambda _: facts)
    return {**(job.store.manifest("trainings", training) or {}), "skipped": False}


def train_network(
    job: Job, run: TrainingRun, snapshot: str, *, training: TrainingConfig, initial_weights: str = ""
) -> TrainingResult:
    """Train on the snapshot, from `initial_weights` where they are given; how it went is logged in the run."""
    from models.network import build_network  # TensorFlow: 4 s, and only if there is something to train

    initial_weights = initial_weights or _start_from_vectors(job, run, snapshot)
    result = train_on_spark(
        job.spark,
        job.store.url("snapshots", snapshot),
        training,
        build_network=build_network,
        network_config=job.settings.network,
        run_url=job.store.url("checkpoints", run.training_id),
        features=job.settings.network.features,
        label_counts=count_snapshot_labels(job, snapshot) if training.class_balance else (),
        on_progress=job.step.update,
        initial_weights=initial_weights,
    )
    log_training(run, result)
    return result


def train_on_own_snapshot(
    job: Job, run: TrainingRun, kind: str, snapshot: str, *, build_network: Callable[..., Any], network_config: Any
) -> TrainingResult:
    """Train a network that is not the intents' on a snapshot of its own kind; how it went is logged in the run."""
    result = train_on_spark(
        job.spark, job.store.url(kind, snapshot), job.settings.training,
        build_network=build_network, network_config=network_config,
        run_url=job.store.url("checkpoints", run.training_id), on_progress=job.step.update,
    )  # fmt: skip
    log_training(run, result)
    return result


def note_trained_version(
    job: Job,
    run: TrainingRun,
    kind: str,
    snapshot: str,
    result: TrainingResult,
    *,
    name: str,
    version: str,
    metrics: Mapping[str, float],
) -> Summary:
    """Note what the version was made from, for traces; what the job's summary says of its training."""
    store = job.store.made_from(**{kind: snapshot})
    note_version(store, name, version, training_id=run.training_id, mlflow_run=run.run_id)
    return {
        "model": name, "version": version, "snapshot": snapshot, "mlflow_run": run.run_id, "ranks": result.ranks,
        "epochs": result.epochs, "best_epoch": result.best_epoch, "rows_per_s": round(result.rows_per_s),
        "metrics": metrics,
    }  # fmt: skip


def count_snapshot_labels(job: Job, snapshot: str) -> list[int]:
    """Training rows of each intent, in the order of the snapshot's encoder."""
    url = job.store.url("snapshots", snapshot)
    return count_labels(job.spark, url, len(read_encoder(job.store, url).intents))


def log_training(run: TrainingRun, result: TrainingResult) -> None:
    """Log each epoch's numbers and each launch of the ranks."""
    log_epochs(run, result.history)
    log_document(run, "launches.json", {"launches": [asdict(launch) for launch in result.launches]})
    log_results(run, {"launches": len(result.launches), "final_ranks": result.ranks})


def _start_from_vectors(job: Job, run: TrainingRun, snapshot: str) -> str:
    """URL of the weights that the ranks start from; empty where the network's own random ones will do."""
    network = job.settings.network
    if not network.embeddings:
        return ""
    url = job.store.url("checkpoints", run.training_id, "vectors.npz")
    encoder = read_encoder(job.store, job.store.url("snapshots", snapshot)).only(network.features)
    write_pretrained_weights(url, job.spark, job.store, encoder=encoder, config=network)
    return url


def register_network(
    job: Job, run: TrainingRun, result: TrainingResult, *, name: str, encoder: TextEncoder, snapshot: str
) -> tuple[str, dict[str, float]]:
    """The version of the trained network, as challenger, with its validation's numbers.

    `snapshot` is the one whose test split judges it.
    """
    from models.network import build_network, with_probabilities
    from models.weights import assign_variables, load_npz

    encoder = replace(encoder.only(job.settings.network.features), scope_threshold=result.scope_threshold)
    network = build_network(encoder.inputs, classes=len(encoder.intents), config=job.settings.network)
    assign_variables(network.weights, load_npz(result.weights_url)[0]["weights"])
    calibrated = with_probabilities(network, temperature=result.calibration.temperature)
    metrics = _measure_validation(result)
    version = register_model(run, name, network=calibrated, encoder=encoder, snapshot=snapshot, metrics=metrics)
    return version, metrics


def _measure_validation(result: TrainingResult) -> dict[str, float]:
    calibration = result.calibration
    return {
        "validation_accuracy": result.history[result.best_epoch - 1]["validation_accuracy"],
        "validation_calibration_error_before": calibration.error_before,
        "validation_calibration_error": calibration.error,
        "temperature": calibration.temperature,
        "scope_threshold": result.scope_threshold,
    }


def measure_test(evaluation: Evaluation) -> dict[str, float]:
    """The numbers of a test split that a version carries."""
    return {
        "test_rows": evaluation.rows,
        "test_accuracy": evaluation.accuracy,
        "test_macro_f1": evaluation.macro_f1,
        "test_calibration_error": evaluation.calibration_error,
    }
