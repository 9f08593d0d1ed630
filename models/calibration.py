"""Temperature scaling: one number that makes a trained network's confidence mean what it says.

The logits are divided by the temperature at which "the best class is right" has the least negative log-likelihood on
the validation split; which class is the best stays as it is. The temperature is that of Guo et al. (2017), "On
Calibration of Modern Neural Networks"; what it is fitted to is the question that a reader of a confidence asks, as in
Gupta and Ramdas (2022), "Top-label calibration" (docs/decisions.md has the difference). NumPy alone, so that the driver
reads what ranks send back without TensorFlow.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # TensorFlow: 4 s
    from models.collective import Ranks

Ids = Mapping[str, npt.NDArray[np.int32]]
Labels = npt.NDArray[np.int32]
Logits = npt.NDArray[np.float32]
Batches = Callable[[], Iterator[tuple[Ids, Labels]]]  # one pass over this rank's labelled rows
Measure = Callable[[Ids, Labels], npt.NDArray[np.float64]]  # one shape for any rows

TEMPERATURES = np.geomspace(0.1, 10, 41)  # what is tried; between two of them a parabola finds the lowest point
BINS = 15  # of the calibration error, as Guo et al. have it


@dataclass(frozen=True)
class Calibration:
    """What makes a network's probabilities honest, and how honest they were and are on the validation split."""

    temperature: float
    error_before: float  # expected calibration error of the network's own probabilities
    error: float  # of those by the temperature


UNCALIBRATED = Calibration(1.0, float("nan"), float("nan"))  # of a network that gives no probabilities of classes


def calibrate(predict: Callable[[Ids], Logits], batches: Batches, ranks: "Ranks") -> Calibration:
    """The best temperature over all ranks' rows, equal on all of them; rows with label -1 do not count.

    Two passes over the rows. Without a row it is 1, which changes nothing.
    """
    losses = sum_rows(batches, ranks, lambda ids, labels: top_label_losses(predict(ids), labels), TEMPERATURES.shape)
    temperature = choose_temperature(losses)
    both = np.array([1.0, temperature])
    gaps = sum_rows(batches, ranks, lambda ids, labels: _gaps(predict(ids), labels, both), (len(both), BINS + 1))
    before, after = np.abs(gaps[:, :BINS]).sum(axis=1) / max(gaps[0, -1], 1.0)
    return Calibration(temperature, float(before), float(after))


def sum_rows(batches: Batches, ranks: "Ranks", measure: Measure, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """What is measured, summed over the labelled rows of all ranks."""
    totals = np.zeros(shape)
    for ids, labels in batches():
        is_labelled = labels >= 0
        totals += measure({name: tokens[is_labelled] for name, tokens in ids.items()}, labels[is_labelled])
    return ranks.sum(totals)


def top_label_losses(logits: npt.NDArray[np.floating[Any]], labels: Labels) -> npt.NDArray[np.float64]:
    """Negative log-likelihood of whether the best class is right, at each of TEMPERATURES."""
    if logits.shape[1] == 1:  # it is always right
        return np.zeros(len(TEMPERATURES))
    best = logits.argmax(axis=1)
    below = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    np.put_along_axis(below, best[:, None], -np.inf, axis=1)  # the others; the best one's is 0
    is_right = best == labels
    losses = np.empty(len(TEMPERATURES))
    for i, temperature in enumerate(TEMPERATURES):
        odds = _log_sum(below / temperature)  # of the best class to be wrong, as a logarithm
        losses[i] = np.logaddexp(0, np.where(is_right, odds, -odds)).sum()
    return losses


def choose_temperature(losses: npt.NDArray[np.float64]) -> float:
    """Where the losses at TEMPERATURES are lowest: on the parabola, over log temperature, through the lowest three."""
    if not losses.any():
        return 1.0
    lowest = int(losses.argmin())
    if lowest in (0, len(losses) - 1):
        return float(TEMPERATURES[lowest])
    left, middle, right = losses[lowest - 1 : lowest + 2]
    bend = left - 2 * middle + right
    shift = (left - right) / (2 * bend) if bend else 0.0  # in steps of the grid, within half a one
    step = np.log(TEMPERATURES[1] / TEMPERATURES[0])
    return float(TEMPERATURES[lowest] * np.exp(shift * step))


def confidences(logits: Logits, temperature: float) -> npt.NDArray[np.float32]:
    """The probability of each row's most probable class."""
    raised = np.exp((logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature))
    found: npt.NDArray[np.float32] = 1 / raised.sum(axis=1)
    return found


def _log_sum(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logarithm of the sum of each row's exponentials, however small they are."""
    highest = values.max(axis=1, keepdims=True)
    found: npt.NDArray[np.float64] = np.log(np.exp(values - highest).sum(axis=1)) + highest[:, 0]
    return found


def _gaps(logits: Logits, labels: Labels, temperatures: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(temperatures, BINS + 1): confidence above accuracy, summed in each bin of confidence; at the end the rows."""
    is_right = logits.argmax(axis=1) == labels
    found = np.full((len(temperatures), BINS + 1), float(len(labels)))
    for row, temperature in enumerate(temperatures):
        confidence = confidences(logits, temperature)
        bins = np.ceil(confidence * BINS).astype(int) - 1  # (lower, upper]
        found[row, :BINS] = np.bincount(bins, confidence - is_right, minlength=BINS)
    return found
