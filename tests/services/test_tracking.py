"""The runs of trainings, on a real MLflow with SQLite."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.errors import MalgilError
from pipelines.io.tracking import (
    MlflowConfig,
    Tracking,
    connect_mlflow,
    find_experiment,
    finish_run,
    log_document,
    log_epochs,
    log_pictures,
    log_results,
    start_run,
)
from pipelines.pictures import draw_learning_curves

HISTORY = [{"loss": 1.0, "accuracy": 0.4}, {"loss": 0.5, "accuracy": 0.7}, {"loss": 0.4, "accuracy": 0.8}]


def test_a_store_that_cannot_be_opened_is_named_without_its_password() -> None:
    with pytest.raises(MalgilError, match=r"mlflow\.tracking_uri: expected MLflow at 'ftp://…@runs', received"):
        connect_mlflow(MlflowConfig(tracking_uri="ftp://user:secret@runs"))


def test_a_process_that_is_killed_while_it_makes_the_database_leaves_one_that_can_be_made(tmp_path: Path) -> None:
    config, temporary = MlflowConfig(f"sqlite:///{tmp_path}/db/mlflow.db"), tmp_path / "temporary"
    temporary.mkdir()
    script = f"from pipelines.io.tracking import *; connect_mlflow(MlflowConfig({config.tracking_uri!r}))"
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen([sys.executable, "-c", script], env=environment) as process:
        while not any(file.stat().st_size for file in tmp_path.rglob("mlflow.db")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert not (tmp_path / "db" / "mlflow.db").exists()
    assert find_experiment(connect_mlflow(config)) == find_experiment(connect_mlflow(config))
    assert [file.name for file in (tmp_path / "db").iterdir()] == ["mlflow.db"]


def test_a_killed_training_goes_on_in_its_run(tracking: Tracking) -> None:
    parameters = {"training": {"epochs": 3, "widths": [1, 2]}, "ranks": 2}
    first = start_run(tracking, "killed", parameters=parameters, tags={"snapshot": "5eed"})
    log_epochs(first, HISTORY[:2])

    second = start_run(tracking, "killed", parameters={**parameters, "cores": 4}, tags={"snapshot": "5eed"})
    log_epochs(second, HISTORY)
    log_results(second, {"test_accuracy": 0.75})
    finish_run(second)

    assert second == first
    run = tracking.client.get_run(first.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "training.epochs": "3",
        "training.widths": "[1, 2]",
        "ranks": "2",
        "cores": "4",
    }
    assert run.data.metrics == {"epoch": 3.0, "loss": 0.4, "accuracy": 0.8, "test_accuracy": 0.75}
    assert {"training_id": "killed", "snapshot": "5eed"}.items() <= run.data.tags.items()
    assert re.fullmatch("[0-9a-f]{40}(-dirty)?|unknown", run.data.tags["mlflow.source.git.commit"])
    losses = tracking.client.get_metric_history(first.run_id, "loss")
    assert [(metric.step, metric.value) for metric in losses] == [(1, 1.0), (2, 0.5), (3, 0.4)]


def test_pictures_and_documents_stand_in_the_run(tracking: Tracking) -> None:
    run = start_run(tracking, "pictures", parameters={}, tags={})

    log_pictures(run, {"learning_curves": draw_learning_curves(HISTORY)})
    log_document(run, "evaluation.json", {"accuracy": 0.75})

    assert [file.path for file in tracking.client.list_artifacts(run.run_id)] == [
        "evaluation.json",
        "pictures",
    ]
    picture = tracking.client.list_artifacts(run.run_id, "pictures")[0]
    assert picture.path == "pictures/learning_curves.png"
    assert (picture.file_size or 0) > 1000
