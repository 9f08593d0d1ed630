"""A training's MLflow run: what was trained, how it went and what it looked like."""

import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipelines.errors import MalgilError

if TYPE_CHECKING:  # matplotlib and MLflow are imported where they are used: 1 s and 2 s
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import Run

_MLFLOW_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # no calls home
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout belongs to the job's summary
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",  # its default asks a dead server for minutes
}
_IMPORTING = Lock()  # two threads that import at once may see half of a module
TRAINING_ID = "training_id"
SNAPSHOT = "snapshot"


@dataclass(frozen=True)
class MlflowConfig:
    """Where MLflow keeps runs and models."""

    tracking_uri: str = "sqlite:///var/mlflow/mlflow.db"  # a database, or a server (http://…)
    artifact_root: str = "var/mlflow/artifacts"  # folder or URL of files; empty: where the server puts them
    experiment: str = "malgil"  # the experiment that every training's run belongs to
    record_runs: bool = True  # whether each run of a job is one of MLflow's as well, its steps nested in it
    runs_experiment: str = "malgil-runs"  # the experiment that those belong to
    intent_model: str = "malgil-intent"  # the registered name of the intent models
    label_models: dict[str, str] = field(  # those of further labels, by task
        default_factory=lambda: {"sentiment": "malgil-sentiment", "complaint": "malgil-complaint"}
    )
    reply_model: str = "malgil-reply"  # the registered name of the reply models
    slots_model: str = "malgil-slots"  # the registered name of the models that find slots
    seq2seq_model: str = "malgil-seq2seq"  # that of the models that write answers
    cache: str = "var/cache/models"  # local folder of downloaded models


@dataclass(frozen=True)
class Tracking:
    """An open connection to MLflow."""

    client: "MlflowClient"
    config: MlflowConfig


@dataclass(frozen=True)
class TrainingRun:
    """The one MLflow run of a training."""

    tracking: Tracking
    run_id: str
    training_id: str


def connect_mlflow(config: MlflowConfig) -> Tracking:
    """The tracking store and registry at `config.tracking_uri`; a new SQLite file gets its tables (2 s).

    Raises MalgilError when it cannot be opened.
    """
    for name, value in _MLFLOW_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with _IMPORTING:
        from mlflow.exceptions import MlflowException

    for library in ("mlflow", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
    try:
        client = _open_client(config)
    except MlflowException as error:
        uri, fault = hide_credentials(config.tracking_uri), hide_credentials(str(error).partition("\n")[0])
        raise MalgilError(
            f"mlflow.tracking_uri: expected MLflow at {uri!r}, received: {fault}; start it or set another"
        ) from error
    return Tracking(client, config)


def find_experiment(tracking: Tracking, name: str = "") -> str:
    """The id of an experiment, by default that of trainings, which is made where there is none."""
    from mlflow.exceptions import MlflowException

    name, root = name or tracking.config.experiment, tracking.config.artifact_root
    experiment = tracking.client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    location = root if "://" in root or not root else Path(root).resolve().as_uri()
    try:
        return str(tracking.client.create_experiment(name, artifact_location=location or None))
    except MlflowException:
        experiment = tracking.client.get_experiment_by_name(name)
        if experiment is None:  # not because another process made it just now
            raise
        return str(experiment.experiment_id)


def start_run(
    tracking: Tracking, training_id: str, *, parameters: Mapping[str, Any], tags: Mapping[str, str]
) -> TrainingRun:
    """The run of this training: its earlier one where there is one, else a new one.

    A training that was killed and started again goes on in the same run. `parameters` may nest: their keys
    are joined by dots. Those of the first start stay, as MLflow never changes a parameter.
    """
    run = _find_run(tracking, training_id) or _create_run(tracking, training_id)
    log_parameters(tracking, run, parameters)
    for key, value in tags.items():
        tracking.client.set_tag(run.info.run_id, key, value)
    tracking.client.update_run(run.info.run_id, status="RUNNING")
    return TrainingRun(tracking, run.info.run_id, training_id)


def log_epochs(run: TrainingRun, history: Sequence[Mapping[str, float]]) -> None:
    """Log each epoch's numbers, the first epoch being 1; epochs that the run already has are left alone.

    So the whole history may be given after every epoch, and again after a restart.
    """
    from mlflow.entities import Metric

    now_ms = int(time.time() * 1000)
    for epoch in range(_last_epoch(run) + 1, len(history) + 1):
        numbers = {**history[epoch - 1], "epoch": epoch}
        metrics = [Metric(key, float(value), now_ms, epoch) for key, value in numbers.items()]
        run.tracking.client.log_batch(run.run_id, metrics=metrics)


def log_results(run: TrainingRun, metrics: Mapping[str, float]) -> None:
    """Log numbers about the whole training; logged again, the newest one counts."""
    for key, value in metrics.items():
        run.tracking.client.log_metric(run.run_id, key, float(value))


def log_pictures(run: TrainingRun, pictures: Mapping[str, "Figure"]) -> None:
    """Store each figure as `pictures/<name>.png`, replacing the one that is there."""
    for name, figure in pictures.items():
        run.tracking.client.log_figure(run.run_id, figure, f"pictures/{name}.png")


def log_document(run: TrainingRun, name: str, value: Mapping[str, Any]) -> None:
    """Store the value as a JSON file of this name, replacing the one that is there."""
    run.tracking.client.log_dict(run.run_id, dict(value), name)


def log_page(run: TrainingRun, name: str, html: str) -> None:
    """Store a page under this name, replacing the one that is there."""
    run.tracking.client.log_text(run.run_id, html, name)


def finish_run(run: TrainingRun) -> None:
    """Mark the run as finished; a run that is never marked was killed."""
    run.tracking.client.set_terminated(run.run_id, status="FINISHED")


def git_commit() -> str:
    """This code's commit, with `-dirty` when files were changed since; else $GIT_COMMIT, else "unknown"."""
    git = shutil.which("git")
    folder = Path(__file__).resolve().parents[2]
    if git and (folder / ".git").exists():
        command = [git, "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.strip()
    return os.environ.get("GIT_COMMIT", "unknown")


def hide_credentials(text: str) -> str:
    """The text with user names and passwords taken out of its URLs."""
    return re.sub(r"(?<=://)[^/@\s]+@", "…@", text)


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, their keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _open_client(config: MlflowConfig) -> "MlflowClient":
    """A client whose store has answered."""
    with _IMPORTING:  # opening a database imports as well
        from mlflow import MlflowClient

        with suppress(OSError):  # MLflow tells itself what is wrong with the place, or makes the file there
            _make_database(config.tracking_uri)
        client = MlflowClient(tracking_uri=config.tracking_uri)
    client.get_experiment_by_name(config.experiment)
    return client


def _make_database(uri: str) -> None:
    """A SQLite file that is missing, with all its tables at once.

    MLflow makes them one by one, and can never open a file again that a process left half made when it ended.
    """
    from mlflow import MlflowClient
    from sqlalchemy.engine import make_url

    name = make_url(uri).database if uri.startswith("sqlite:") else None
    if not name or Path(name).exists():
        return
    file, part = Path(name), Path(f"{name}.{uuid4().hex}")
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="malgil-mlflow-") as folder:
        MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db").get_experiment_by_name("Default")
        shutil.copyfile(f"{folder}/mlflow.db", part)
    try:
        os.link(part, file)  # fails where another process has made it meanwhile
    finally:
        part.unlink()


def _find_run(tracking: Tracking, training_id: str) -> "Run | None":
    experiment = tracking.client.get_experiment_by_name(tracking.config.experiment)
    if experiment is None:
        return None
    condition = f"tags.{TRAINING_ID} = '{training_id}'"
    found = tracking.client.search_runs([experiment.experiment_id], filter_string=condition, max_results=1)
    return found[0] if found else None


def _create_run(tracking: Tracking, training_id: str) -> "Run":
    tags = {TRAINING_ID: training_id, "mlflow.source.git.commit": git_commit()}
    return tracking.client.create_run(find_experiment(tracking), run_name=training_id, tags=tags)


def log_parameters(tracking: Tracking, run: "Run", parameters: Mapping[str, Any]) -> None:
    """Log those that the run does not have yet; they may nest."""
    from mlflow.entities import Param

    flat = flatten(parameters)
    new = [Param(key, str(value)) for key, value in flat.items() if key not in run.data.params]
    for start in range(0, len(new), 100):  # MLflow takes 100 parameters a call
        tracking.client.log_batch(run.info.run_id, params=new[start : start + 100])


def _last_epoch(run: TrainingRun) -> int:
    steps = (metric.step for metric in run.tracking.client.get_metric_history(run.run_id, "epoch"))
    return max(steps, default=0)
