"""A trial as a Spark task: the environment of its Python worker, its GPU, and its MLflow run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from pyspark import TaskContext
from pyspark.sql import SparkSession

from pipelines.compute import environment_of, prepare_compute
from pipelines.io.tracking import MlflowConfig, TrainingRun, connect_mlflow, log_epochs
from pipelines.rank_reports import describe_failure
from pipelines.trial import TrialTask, train_trial

if TYPE_CHECKING:
    from optuna.trial import Trial

FAILURE = "failure"  # a trial's attribute: why it failed


def run_trial(task: TrialTask, config: MlflowConfig, trial: "Trial") -> float:
    """In a Spark task: a trial's validation accuracy, with its curves in its MLflow run, and why it failed."""
    import optuna

    tracking, number = connect_mlflow(config), trial.number
    run = TrainingRun(tracking, str(trial._trial_id), f"trial {number}")
    tracking.client.set_tag(run.run_id, "mlflow.runName", f"trial {number}")
    try:
        prepare_compute(_gpus_of_task(), threads=task.threads, precision=task.base.training.precision)
        return train_trial(task, trial, on_epoch=partial(log_epochs, run))
    except optuna.TrialPruned:
        raise
    except Exception as error:
        trial.set_user_attr(FAILURE, describe_failure(error))
        raise


@contextmanager
def worker_environment(spark: SparkSession, threads: int) -> Iterator[None]:
    """Inside, Python workers start with a training's environment, and with what MLflow's client is told by its own."""
    environment = spark.sparkContext.environment  # what new Python workers are started with
    before = dict(environment)
    environment.update({name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")})
    environment.update(environment_of(threads))
    try:
        yield
    finally:
        environment.clear()
        environment.update(before)


def _gpus_of_task() -> list[str]:
    context = TaskContext.get()
    gpu = context.resources().get("gpu") if context else None
    return list(gpu.addresses) if gpu else []
