from pathlib import Path

import numpy as np
import pytest

from models.checkpoints import Checkpoint, Checkpoints, best_epoch


def history(*accuracies: float) -> list[dict[str, float]]:
    return [{"validation_accuracy": accuracy} for accuracy in accuracies]


def checkpoint(weight: float, *accuracies: float, rows: int = 0) -> Checkpoint:
    return Checkpoint({"weights": [np.array([weight])]}, history(*accuracies), rows, (1.5, 2.0, rows))


def test_the_last_and_the_best_epoch_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path.as_uri(), "run")
    checkpoints.save(checkpoint(1.0, 0.5), best=1)
    checkpoints.save(checkpoint(2.0, 0.5, 0.4), best=1)
    checkpoints.save(checkpoint(3.0, 0.5, 0.4, 0.3), best=1)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0001.npz", "epoch-0003.npz"]
    last, best = checkpoints.last(), checkpoints.load(1)
    assert last is not None
    assert last.history == history(0.5, 0.4, 0.3)
    assert last.groups["weights"][0].tolist() == [3.0]
    assert best is not None
    assert best.groups["weights"][0].tolist() == [1.0]


def test_a_checkpoint_within_an_epoch_is_the_last_until_the_next_one(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path.as_uri(), "run")
    checkpoints.save(checkpoint(1.0, 0.5), best=1)
    checkpoints.save(checkpoint(2.0, 0.5, rows=640), best=1)
    checkpoints.save(checkpoint(3.0, 0.5, rows=1280), best=1)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["epoch-0001-rows-000000001280.npz", "epoch-0001.npz"]
    last = checkpoints.last()
    assert last is not None
    assert (last.history, last.rows, last.totals) == (history(0.5), 1280, [1.5, 2.0, 1280])

    checkpoints.save(checkpoint(4.0, 0.5, 0.6), best=2)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0002.npz"]


def test_there_is_no_last_one_at_first(tmp_path: Path) -> None:
    assert Checkpoints((tmp_path / "new").as_uri(), "run").last() is None


def test_another_run_s_checkpoints_are_passed_over_then_replaced(tmp_path: Path) -> None:
    Checkpoints(tmp_path.as_uri(), "old").save(checkpoint(1.0, 0.1, 0.2), best=2)
    checkpoints = Checkpoints(tmp_path.as_uri(), "new")
    assert checkpoints.last() is None

    checkpoints.save(checkpoint(2.0, 0.5), best=1)
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-0001.npz"]


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("validation_accuracy", [], 0),
        ("validation_accuracy", [0.1, 0.3, 0.3], 2),
        ("validation_loss", [0.3, 0.1, 0.2], 2),
    ],
)
def test_the_first_of_the_best_epochs_wins(metric: str, values: list[float], best: int) -> None:
    assert best_epoch([{metric: value} for value in values], metric) == best
