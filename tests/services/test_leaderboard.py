"""The leaderboard through the door: two networks, one of them a recipe of the user's, and their ensemble."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.services.runs import PROJECT, run_job


@pytest.fixture(scope="module")
def board(folder: Path) -> dict[str, Any]:
    ours = shutil.copy(PROJECT / "conf" / "recipes" / "cnn.yaml", folder / "ours.yaml")
    return run_job(folder / "leaderboard", "leaderboard", f"leaderboard.recipes=[linear,{ours}]")


def test_the_table_has_every_network_and_their_ensemble(board: dict[str, Any]) -> None:
    entries = {entry["name"]: entry for entry in board["leaderboard"]}
    assert set(entries) == {"linear", "ours", "ensemble"}
    assert all(entry["accuracy"] > 0.5 and entry["predicting_rows_per_s"] > 0 for entry in entries.values())
    assert entries["linear"]["share"] + entries["ours"]["share"] == pytest.approx(1, abs=1e-3)
    assert entries["ensemble"]["parameters"] == entries["linear"]["parameters"] + entries["ours"]["parameters"]
    assert entries["linear"]["parameters"] > 0


def test_it_is_kept_as_a_page_and_in_mlflow_and_predicts_for_nobody(board: dict[str, Any], folder: Path) -> None:
    client = MlflowClient(f"sqlite:///{folder}/leaderboard/mlflow.db")
    metrics = client.get_run(board["mlflow_run"]).data.metrics
    aliases = [model.aliases for model in client.search_registered_models()]
    assert Path(board["report"].removeprefix("file://")).read_text(encoding="utf8").count("<svg") == 3
    assert {f"{entry['name']}.accuracy": entry["accuracy"] for entry in board["leaderboard"]}.items() <= metrics.items()
    assert [set(alias) for alias in aliases] == [{"challenger"}]
