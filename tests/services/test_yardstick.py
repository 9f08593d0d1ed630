"""The default network against the linear classifier on real messages, and its probabilities against what is right."""

from pathlib import Path

import pytest

from tests.services.runs import run_job

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
LINEAR = 0.8396  # TF-IDF of characters 1-4 and a linear SVM, on the same test rows
HONEST = 0.03  # expected calibration error on the test rows, of probabilities calibrated on the validation rows


@pytest.mark.skipif(not DATA.exists(), reason="the data sets of ../shared/data are not here")
def test_default_network_beats_the_linear_yardstick_on_massive_ko_and_knows_how_sure_it_is(folder: Path) -> None:
    settings = ["dataset=massive_ko", f"data_root={DATA}", "training.epochs=12", "training.batch_size=64"]
    summary = run_job(folder / "massive", "nightly", *settings, "training_set.min_shards=16")
    assert summary["build_training_set"]["rows"]["test"] == 2_974
    metrics = summary["train_intent"]["metrics"]
    assert metrics["test_rows"] == 2_974
    assert metrics["test_accuracy"] > LINEAR
    assert metrics["test_calibration_error"] <= HONEST < metrics["validation_calibration_error_before"]
