"""A study of settings: its trials run as Spark tasks, and stand in MLflow as runs under the study's own.

The engine is MLflow's (`mlflow.pyspark.optuna`): it keeps what Optuna knows of a study as MLflow runs, so that tasks on
any node see each other's trials, and a study that was killed goes on with those that it has.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pyspark.sql import SparkSession

from pipelines.errors import MalgilError
from pipelines.io.tracking import Tracking, find_experiment, log_parameters
from pipelines.io.trial_tasks import FAILURE, run_trial, worker_environment
from pipelines.polling import polling
from pipelines.search_space import Value
from pipelines.slots import count_slots
from pipelines.speculation import without_speculation
from pipelines.trial import TrialTask
from pipelines.tuning import Sampler, TuneConfig, build_pruner, build_sampler, count_wanted

if TYPE_CHECKING:
    from mlflow.optuna.storage import MlflowStorage
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)
_LOOK_EVERY_S = 3.0
Listener = Callable[[int, int, float | None], None]  # trials done, of how many, the best validation accuracy so far


@dataclass(frozen=True)
class Found:
    """What a study has found so far."""

    run_id: str  # the study's MLflow run
    complete: int
    pruned: int
    failed: int
    values: Mapping[str, Value]  # the best trial's
    trial: int  # its number
    accuracy: float  # its validation accuracy

    @property
    def trials(self) -> int:
        return self.complete + self.pruned + self.failed


@dataclass(frozen=True)
class Study:
    """A study of this name, in MLflow's experiment."""

    tracking: Tracking
    name: str
    config: TuneConfig
    task: TrialTask

    @property
    def wanted(self) -> int:
        return count_wanted(self.config, self.task.space)


def search_settings(
    spark: SparkSession, study: Study, *, parameters: Mapping[str, Any], tags: Mapping[str, str], on_trial: Listener
) -> Found:
    """Run trials until the study has as many as it is to have, or until its time is over; what it found.

    Trials that it has already count. Those that a killed driver left unfinished are deleted and made up for, so one
    driver at a time may work on a study. A trial that fails counts and is named in its run. Raises MalgilError where
    none was completed.
    """
    began, storage = time.monotonic(), _open_storage(study)
    while (missing := study.wanted - _count_done(study, storage)) > 0:
        left_s = study.config.timeout_s - (time.monotonic() - began) if study.config.timeout_s else None
        if left_s is not None and left_s <= 0:
            log.info("%s: no trial begins any more after tune.timeout_s=%g", study.name, study.config.timeout_s)
            break
        with _watched(study, on_trial), without_speculation(spark), worker_environment(spark, study.task.threads):
            _run_trials(spark, study, storage, missing, timeout_s=left_s)
    return _finish(study, storage, parameters=parameters, tags=tags)


def log_recipe(found: Found, tracking: Tracking, text: str) -> None:
    """Store the recipe as `recipe.yaml` of the study's run, replacing the one that is there."""
    tracking.client.log_text(found.run_id, text, "recipe.yaml")


def _open_storage(study: Study) -> "MlflowStorage":
    import mlflow
    import optuna
    from mlflow.optuna.storage import MlflowStorage

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    mlflow.set_tracking_uri(study.tracking.config.tracking_uri)  # the engine asks for no other
    return MlflowStorage(experiment_id=find_experiment(study.tracking))


def _run_trials(
    spark: SparkSession, study: Study, storage: "MlflowStorage", missing: int, *, timeout_s: float | None
) -> None:
    """So many trials more, each in a Spark task beside others."""
    from mlflow.pyspark.optuna.study import MlflowSparkStudy

    _drop_unfinished(study, storage)
    engine = MlflowSparkStudy(
        study.name,
        storage,
        sampler=build_sampler(study.config, study.task.space, done=len(_trials(study, storage))),
        pruner=build_pruner(study.config, epochs=study.task.base.training.epochs),
        direction="maximize",
    )
    engine.optimize(
        partial(run_trial, study.task, study.tracking.config),
        n_trials=missing,
        n_jobs=min(study.config.parallel or count_slots(spark), missing),
        timeout=timeout_s,
        catch=(Exception,),
    )


def _study_id(study: Study, storage: "MlflowStorage") -> str | None:
    return storage.get_study_id_by_name_if_exists(study.name)


def _trials(study: Study, storage: "MlflowStorage") -> "list[FrozenTrial]":
    study_id = _study_id(study, storage)
    return sorted(storage.get_all_trials(study_id), key=lambda trial: trial.number) if study_id else []


def _count_done(study: Study, storage: "MlflowStorage") -> int:
    """Trials that ended. Tasks may draw the same point of a grid at the same time: it counts once."""
    ended = [trial for trial in _trials(study, storage) if trial.state.is_finished()]
    if study.config.sampler is Sampler.grid:
        return len({tuple(sorted(trial.params.items())) for trial in ended})
    return len(ended)


def _drop_unfinished(study: Study, storage: "MlflowStorage") -> None:
    """Delete the runs of trials that nobody works on any more; a grid would take them for done if they had failed."""
    for trial in _trials(study, storage):
        if not trial.state.is_finished():
            study.tracking.client.delete_run(str(trial._trial_id))


@contextmanager
def _watched(study: Study, on_trial: Listener) -> Iterator[None]:
    """Inside, a thread tells how far the study is."""
    client, experiment = study.tracking.client, find_experiment(study.tracking)

    def look() -> None:
        studies = client.search_runs([experiment], f"tags.mlflow.runName = '{study.name}'", max_results=1)
        if studies:
            nested = f"tags.mlflow.parentRunId = '{studies[0].info.run_id}'"
            runs = [run for run in client.search_runs([experiment], nested) if run.info.end_time]
            values = [run.data.metrics["value"] for run in runs if run.info.status == "FINISHED"]
            on_trial(len(runs), study.wanted, max(values, default=None))

    with polling(look, every_s=_LOOK_EVERY_S, name="study-progress", at_end=True):
        yield


def _finish(study: Study, storage: "MlflowStorage", *, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> Found:
    """What the trials came to, logged in the study's run."""
    client, trials, run_id = study.tracking.client, _trials(study, storage), _study_id(study, storage)
    states = [trial.state.name for trial in trials]
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    if not run_id or not complete:
        raise MalgilError(_none_complete(study, trials))
    best = max(complete, key=lambda trial: trial.value or 0.0)  # the first of equals
    log_parameters(study.tracking, client.get_run(run_id), parameters)
    for key, value in {**tags, "best_trial": str(best._trial_id)}.items():
        client.set_tag(run_id, key, value)
    client.log_metric(run_id, "validation_accuracy", best.value or 0.0)
    return Found(
        run_id, len(complete), states.count("PRUNED"), states.count("FAIL"),
        values=best.params, trial=best.number, accuracy=best.value or 0.0,
    )  # fmt: skip


def _none_complete(study: Study, trials: "list[FrozenTrial]") -> str:
    failures = [f"trial {trial.number}: {trial.user_attrs[FAILURE]}" for trial in trials if FAILURE in trial.user_attrs]
    return f"expected a complete trial in study {study.name}, found none of {len(trials)}; " + (
        failures[0] if failures else "raise tune.timeout_s, or see the log"
    )
