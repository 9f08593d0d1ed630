"""From a day of talk to suggested answers in predictions, chosen or written, through the door, on real parts."""

import json
import shutil
from pathlib import Path
from typing import Any

import redis

from pipelines.io.registry import promote
from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow
from tests.services.runs import run_job
from udfs.lossless import PLACEHOLDER


def open_registry(folder: Path) -> tuple[Tracking, list[str]]:
    """A registry of these tests' own, and settings for it: other tests compare predictions that suggest nothing."""
    own = folder / "replies"
    if not own.exists():
        own.mkdir()
        shutil.copy(folder / "whole" / "mlflow.db", own)
    uri = f"sqlite:///{own}/mlflow.db"
    return connect_mlflow(MlflowConfig(tracking_uri=uri)), [
        f"mlflow.tracking_uri={uri}",
        f"redis.embedded.directory={own}/redis",
    ]


def read_predictions(predicted: dict[str, Any]) -> list[dict[str, Any]]:
    store = redis.Redis.from_url(predicted["redis"])
    keys = store.scan_iter("malgil:prediction:*", count=1000)
    return [json.loads(value) for value in store.mget(list(keys))]  # type: ignore[arg-type, union-attr]


def test_answers_that_agents_gave_are_suggested_once_a_reply_model_is_champion(
    whole: dict[str, Any], folder: Path
) -> None:
    tracking, settings = open_registry(folder)
    settings += ["training.epochs=3", "replies.trigger.min_precision=0.1"]

    trained = run_job(folder / "whole", "train_reply", *settings)
    assert trained["promoted"] is True, trained
    assert trained["responses"]["answers"] >= trained["responses"]["in_clusters"] > 0
    assert trained["metrics"]["test_recall_at_3"] > 0.3
    assert "samples.html" in {file.path for file in tracking.client.list_artifacts(trained["mlflow_run"])}

    predicted = run_job(folder / "whole", "predict_batch", *settings)
    assert predicted["predictions"] == whole["predict_batch"]["predictions"]
    values = read_predictions(predicted)
    assert {value["models"]["reply"] for value in values} == {trained["version"]}
    suggested = [value["replies"] for value in values if value["replies"]]
    assert suggested
    assert all(len(replies) == len(set(replies)) <= 3 for replies in suggested)
    assert not [reply for replies in suggested for reply in replies if PLACEHOLDER.search(reply)]


def test_answers_are_written_once_a_person_has_made_such_a_model_champion(whole: dict[str, Any], folder: Path) -> None:
    tracking, settings = open_registry(folder)
    settings += ["training.epochs=15", "training.batch_size=32", "training.learning_rate=0.003", "training.clip_norm=1"]

    trained = run_job(folder / "whole", "train_seq2seq", *settings)
    metrics = trained["metrics"]
    assert metrics["test_perplexity_per_unit"] < 100, metrics  # of some hundred units
    assert metrics["test_perplexity_per_character"] < 100
    assert "samples.html" in {file.path for file in tracking.client.list_artifacts(trained["mlflow_run"])}

    promote(tracking, trained["model"], trained["version"])
    predicted = run_job(folder / "whole", "predict_batch", *settings, "replies.source=seq2seq")
    assert (predicted["reply_model"], predicted["reply_version"]) == (trained["model"], trained["version"])
    values = read_predictions(predicted)
    assert {value["models"]["reply"] for value in values} == {trained["version"]}
    written = [value["replies"] for value in values if value["replies"]]
    assert written
    assert all(len(replies) == len(set(replies)) <= 3 for replies in written)
    assert not [reply for replies in written for reply in replies if PLACEHOLDER.search(reply)]
