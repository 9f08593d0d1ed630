"""The temperature that makes probabilities mean what they say, found from logits whose truth is known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from models.calibration import TEMPERATURES, Calibration, calibrate, choose_temperature
from models.collective import Ranks

CLASSES = 6
Batch = tuple[Mapping[str, npt.NDArray[Any]], npt.NDArray[np.int32]]


def make_rows(rows: int, *, seed: int = 0) -> Batch:
    """Honest logits, and labels that fall as often as they say."""
    source = np.random.default_rng(seed)
    logits = source.normal(0, 2, (rows, CLASSES))
    labels = (logits + source.gumbel(size=logits.shape)).argmax(axis=1)
    return {"logits": logits.astype(np.float32)}, labels.astype(np.int32)


def calibrate_rows(batches: list[Batch], *, times: float, ranks: Ranks | None = None) -> Calibration:
    """Of a network whose logits are `times` the honest ones."""

    def read() -> Iterator[Any]:
        return iter(batches)

    return calibrate(lambda ids: ids["logits"] * np.float32(times), read, ranks or Ranks())


@pytest.mark.parametrize("times", [0.25, 1.0, 3.0])
def test_logits_that_are_stretched_get_their_stretch_as_temperature(times: float) -> None:
    found = calibrate_rows([make_rows(20_000)], times=times)
    assert found.temperature == pytest.approx(times, rel=0.03)
    assert found.error < 0.015
    assert found.error_before == pytest.approx(found.error, abs=0.002) if times == 1 else found.error_before > 0.1


def test_rows_without_a_label_and_the_cut_into_batches_change_nothing() -> None:
    (ids, labels) = make_rows(3000)
    whole = calibrate_rows([(ids, labels)], times=2)
    unlabelled = ({"logits": make_rows(500, seed=1)[0]["logits"]}, np.full(500, -1, np.int32))
    halves = [({"logits": ids["logits"][part]}, labels[part]) for part in (slice(0, 1000), slice(1000, 3000))]
    cut = calibrate_rows([halves[0], unlabelled, halves[1]], times=2)
    assert vars(cut) == pytest.approx(vars(whole))


@dataclass(frozen=True)
class Twins(Ranks):
    """Two ranks that read the same rows."""

    def sum(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return 2 * np.asarray(values, dtype=np.float64)


def test_sums_are_those_of_all_ranks() -> None:
    alone = calibrate_rows([make_rows(3000)], times=2)
    assert vars(calibrate_rows([make_rows(3000)], times=2, ranks=Twins())) == pytest.approx(vars(alone))


@pytest.mark.parametrize("rows", [[], [make_rows(0)]])
def test_without_rows_the_probabilities_stay(rows: list[Batch]) -> None:
    assert calibrate_rows(rows, times=2) == Calibration(1.0, 0.0, 0.0)


def test_a_single_class_is_always_right() -> None:
    rows = ({"logits": np.ones((5, 1), np.float32)}, np.zeros(5, np.int32))
    assert calibrate_rows([rows], times=2) == Calibration(1.0, 0.0, 0.0)


def test_the_lowest_point_lies_between_those_that_were_tried() -> None:
    for wanted in (0.2, 0.93, 4.4):
        losses = (np.log(TEMPERATURES) - np.log(wanted)) ** 2 + 1
        assert choose_temperature(losses) == pytest.approx(wanted)


def test_labels_that_are_always_right_get_the_sharpest_temperature() -> None:
    ids, _ = make_rows(100)
    found = calibrate_rows([(ids, ids["logits"].argmax(axis=1).astype(np.int32))], times=1)
    assert found.temperature == TEMPERATURES[0]
