"""From a day of talk to suggested answers in predictions, through the door, on real parts."""

import json
import shutil
from pathlib import Path
from typing import Any

import redis

from pipelines.io.tracking import MlflowConfig, connect_mlflow
from tests.services.runs import run_job
from udfs.lossless import PLACEHOLDER


def test_answers_that_agents_gave_are_suggested_once_a_reply_model_is_champion(
    whole: dict[str, Any], folder: Path
) -> None:
    own = folder / "replies"  # a registry of its own: other tests compare predictions that suggest nothing
    own.mkdir()
    shutil.copy(folder / "whole" / "mlflow.db", own)
    uri = f"sqlite:///{own}/mlflow.db"
    settings = [f"mlflow.tracking_uri={uri}", f"redis.embedded.directory={own}/redis"]
    settings += ["training.epochs=3", "replies.trigger.min_precision=0.1"]

    trained = run_job(folder / "whole", "train_reply", *settings)
    assert trained["promoted"] is True, trained
    assert trained["responses"]["answers"] >= trained["responses"]["in_clusters"] > 0
    assert trained["metrics"]["test_recall_at_3"] > 0.3
    client = connect_mlflow(MlflowConfig(tracking_uri=uri)).client
    assert "samples.html" in {file.path for file in client.list_artifacts(trained["mlflow_run"])}

    predicted = run_job(folder / "whole", "predict_batch", *settings)
    assert predicted["predictions"] == whole["predict_batch"]["predictions"]
    store = redis.Redis.from_url(predicted["redis"])
    values = [json.loads(store.get(key)) for key in store.scan_iter("malgil:prediction:*", count=1000)]  # type: ignore[arg-type]
    assert {value["models"]["reply"] for value in values} == {trained["version"]}
    suggested = [value["replies"] for value in values if value["replies"]]
    assert suggested
    assert all(len(replies) == len(set(replies)) <= 3 for replies in suggested)
    assert not [reply for replies in suggested for reply in replies if PLACEHOLDER.search(reply)]
