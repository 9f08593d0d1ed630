"""A study through the door on real parts: killed in its middle it goes on, and training takes the recipe it wrote."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow
from tests.services.runs import kill_when, run_job, start_job

STUDY = [
    "training.epochs=2",
    "tune.trials=3",
    "tune.space={training.learning_rate: {low: 0.001, high: 0.01}, network.kind: {choices: [linear, fasttext]}}",
]


@pytest.fixture(scope="module")
def mlflow_of_whole(whole: dict[str, Any], folder: Path) -> Tracking:
    """Where the undisturbed run logged; its store has the snapshot that the study trains on."""
    return connect_mlflow(MlflowConfig(tracking_uri=f"sqlite:///{folder}/whole/mlflow.db"))


def find_trials(tracking: Tracking) -> dict[str, Any]:
    """Runs under a study's, by their id."""
    experiment = tracking.client.get_experiment_by_name(tracking.config.experiment)
    assert experiment is not None
    runs = tracking.client.search_runs([experiment.experiment_id])
    return {run.info.run_id: run for run in runs if "mlflow.parentRunId" in run.data.tags}


def find_finished(tracking: Tracking) -> set[str]:
    return {run_id for run_id, run in find_trials(tracking).items() if run.info.status == "FINISHED"}


def test_a_killed_study_goes_on_and_training_takes_its_recipe(mlflow_of_whole: Tracking, folder: Path) -> None:
    kill_when(start_job(folder / "whole", "tune", *STUDY), lambda: bool(find_finished(mlflow_of_whole)))
    before = find_finished(mlflow_of_whole)
    summary = run_job(folder / "whole", "tune", *STUDY)

    trials = find_trials(mlflow_of_whole)
    assert before < set(trials)
    assert summary["trials"] == {"complete": 3, "pruned": 0, "failed": 0}
    assert {run.info.status for run in trials.values()} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in trials.values()} == {summary["mlflow_run"]}
    best = max(run.data.metrics["value"] for run in trials.values())
    assert summary["validation_accuracy"] == pytest.approx(best, abs=1e-4)
    assert all(count_epochs(mlflow_of_whole, trial) == 2 for trial in trials)
    assert_recipe_trains(mlflow_of_whole, summary, folder)


def count_epochs(tracking: Tracking, trial: str) -> int:
    return len(tracking.client.get_metric_history(trial, "validation_accuracy"))


def assert_recipe_trains(tracking: Tracking, summary: dict[str, Any], folder: Path) -> None:
    recipe = yaml.safe_load(Path(summary["recipe"].removeprefix("file://")).read_text(encoding="utf8"))
    assert recipe["network"]["kind"] == summary["best"]["network.kind"]
    assert recipe["training"]["learning_rate"] == summary["best"]["training.learning_rate"]
    model = ["mlflow.intent_model=tuned", "training.ranks=1"]  # the other tests' models stay as they are
    trained = run_job(folder / "whole", "train_intent", f"recipe={summary['recipe']}", *model)
    assert trained["status"] == "succeeded"
    parameters = tracking.client.get_run(trained["mlflow_run"]).data.params
    assert parameters["training.learning_rate"] == str(summary["best"]["training.learning_rate"])
