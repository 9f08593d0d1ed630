"""The default network against the linear classifier on real messages, by the way that users train it."""

from pathlib import Path

import pytest

from tests.services.runs import run_job

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LINEAR = 0.8396  # TF-IDF of characters 1-4 and a linear SVM, on the same test rows


@pytest.mark.skipif(not DATA.exists(), reason="the data sets of ../shared/data are not here")
def test_default_network_beats_the_linear_yardstick_on_massive_ko(folder: Path) -> None:
    settings = ["dataset=massive_ko", f"data_root={DATA}", "training.epochs=12", "training.batch_size=64"]
    summary = run_job(folder / "massive", "nightly", *settings, "training_set.min_shards=16")
    assert summary["build_training_set"]["rows"]["test"] == 2_974
    assert summary["train_intent"]["metrics"]["test_rows"] == 2_974
    assert summary["train_intent"]["metrics"]["test_accuracy"] > LINEAR
