"""The worker's loop: what one rank does from the first batch to the best weights.

Every rank takes the same number of steps, on batches of its own; gradients are averaged in the optimizer,
metrics are summed over ranks, so all ranks take the same decisions and end with equal weights.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models.checkpoints import Checkpoint, Checkpoints, History, best_epoch
from models.collective import Ranks
from models.optimizer import DistributedAdam
from models.schedule import learning_rate_schedule
from models.steps import Step, build_train_step, build_validation_step
from models.training_config import TrainingConfig
from models.weight_average import WeightAverage
from models.weights import assign_variables, hash_arrays, read_variables

Batch = tuple[Mapping[str, npt.NDArray[np.int32]], npt.NDArray[np.int32]]
LONE_RANK = Ranks()


@dataclass(frozen=True)
class Feeds:
    """One rank's batches of features and labels."""

    rows: int  # training rows over all ranks
    training: Callable[[int], Iterator[Batch]]  # endless, for an epoch (from 1); each of `batch_size` rows
    validation: Callable[[], Iterator[Batch]]  # one pass; the last one may be smaller


@dataclass(frozen=True)
class Progress:
    """Where training stands; rows are over all ranks."""

    epoch: int
    rows: int
    total_rows: int
    rows_per_s: float  # in this epoch


@dataclass(frozen=True)
class Trained:
    """What training came to, while the network holds the best epoch's weights."""

    history: History
    best_epoch: int
    weights_hash: str  # equal on all ranks
    first_step_at: float | None  # seconds since 1970, the first step done; None if none was left


@dataclass(frozen=True)
class _Run:
    """All that an epoch needs."""

    network: keras.Model
    feeds: Feeds
    config: TrainingConfig
    ranks: Ranks
    steps: int  # an epoch, on every rank
    optimizer: DistributedAdam
    average: WeightAverage
    totals: tf.Variable  # loss, right rows, rows
    train_step: Step
    validation_step: Step

    @property
    def rows_a_step(self) -> int:
        return self.config.batch_size * self.ranks.size

    @property
    def weights(self) -> list[Any]:
        return [variable for variable in self.network.variables if not _is_seed(variable)]

    @property
    def groups(self) -> dict[str, list[Any]]:
        """The variables of a checkpoint."""
        optimizer, averages = self.optimizer.variables, self.average.variables
        return {"weights": self.weights, "optimizer": optimizer, "averages": averages}


def train(
    network: keras.Model,
    feeds: Feeds,
    config: TrainingConfig,
    *,
    checkpoints: Checkpoints,
    ranks: Ranks = LONE_RANK,
    on_progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train to the last epoch, or until `patience` epochs brought nothing better; leave the best weights.

    It goes on after the last checkpoint of the same run, to the result of an undisturbed run. Rows with label
    -1 count in no loss, and as wrong in the accuracy.
    """
    run = _build_run(network, feeds, config, ranks=ranks)
    history, first_step_at = _resume(run, checkpoints), None
    while not _is_finished(history, config):
        metrics, stepped_at = _train_epoch(run, len(history) + 1, on_progress)
        first_step_at = first_step_at or stepped_at
        history = [*history, {**metrics, **_validate(run)}]
        if ranks.is_first:
            best = best_epoch(history, config.monitor.value)
            checkpoints.save(_read(run.groups), history, best=best)
    best = best_epoch(history, config.monitor.value)
    _restore_best(run, checkpoints, best)
    return Trained(history, best, hash_arrays(read_variables(run.weights)), first_step_at)


def _build_run(network: keras.Model, feeds: Feeds, config: TrainingConfig, *, ranks: Ranks) -> _Run:
    steps = max(1, feeds.rows // (config.batch_size * ranks.size))
    optimizer = DistributedAdam(
        learning_rate_schedule(config, ranks=ranks.size, steps_per_epoch=steps),
        ranks=ranks.size,
        clip_norm=config.clip_norm,
        decay=config.weight_decay,
    )
    optimizer.build(network.trainable_variables)
    totals = tf.Variable(tf.zeros(3, tf.float64))
    train_step = build_train_step(
        network, optimizer, totals, batch_size=config.batch_size, label_smoothing=config.label_smoothing
    )
    average = WeightAverage(network.trainable_variables, config.average_decay)
    validation_step = build_validation_step(network, totals)
    return _Run(network, feeds, config, ranks, steps, optimizer, average, totals, train_step, validation_step)


def _train_epoch(
    run: _Run, epoch: int, on_progress: Callable[[Progress], None] | None
) -> tuple[dict[str, float], float]:
    """The epoch's training metrics over all ranks, and when its first step was done."""
    _seed_dropout(run, epoch)
    started, first_step_at = time.perf_counter(), 0.0
    before = run.steps * (epoch - 1)
    for step, (features, labels) in enumerate(islice(run.feeds.training(epoch), run.steps), 1):
        run.train_step(features, labels)
        run.average.update(before + step, run.steps)
        first_step_at = first_step_at or time.time()
        if on_progress:
            on_progress(_progress(run, epoch, step, seconds=time.perf_counter() - started))
    loss, accuracy = _take_totals(run)
    seconds = time.perf_counter() - started
    _average_statistics(run)
    return {
        "loss": loss,
        "accuracy": accuracy,
        "learning_rate": float(run.optimizer.learning_rate),
        "seconds": seconds,
        "rows_per_s": run.steps * run.rows_a_step / seconds,
    }, first_step_at


def _validate(run: _Run) -> dict[str, float]:
    """Metrics over all ranks, of the averaged weights where there are any."""
    with run.average.swapped_in():
        for features, labels in run.feeds.validation():
            run.validation_step(features, labels)
        loss, accuracy = _take_totals(run)
    return {"validation_loss": loss, "validation_accuracy": accuracy}


def _progress(run: _Run, epoch: int, step: int, *, seconds: float) -> Progress:
    total = run.steps * run.config.epochs * run.rows_a_step
    done = (run.steps * (epoch - 1) + step) * run.rows_a_step
    return Progress(epoch, done, total, step * run.rows_a_step / seconds)


def _take_totals(run: _Run) -> tuple[float, float]:
    """Mean loss and accuracy over all ranks since the last call."""
    loss, right, rows = run.ranks.sum(run.totals.numpy())
    run.totals.assign(tf.zeros(3, tf.float64))
    return float(loss / max(rows, 1)), float(right / max(rows, 1))


def _seed_dropout(run: _Run, epoch: int) -> None:
    """Other masks on every rank and in every epoch, the same ones when the epoch is run again."""
    source = np.random.default_rng([run.config.seed, epoch, run.ranks.rank])
    for variable in run.network.variables:
        if _is_seed(variable):
            variable.assign(source.integers(0, 2**31, size=tuple(variable.shape)))


def _is_seed(variable: Any) -> bool:
    return "seed_generator" in variable.path


def _average_statistics(run: _Run) -> None:
    """Give every rank the mean of what each gathered itself (a normalization's moving mean, say)."""
    trained = {id(variable) for variable in run.network.trainable_variables}
    for variable in run.weights:
        if id(variable) not in trained and run.ranks.size > 1:
            variable.assign(run.ranks.sum(variable.numpy()) / run.ranks.size)


def _is_finished(history: History, config: TrainingConfig) -> bool:
    stale = len(history) - best_epoch(history, config.monitor.value)
    return len(history) >= config.epochs or bool(config.patience and stale >= config.patience)


def _resume(run: _Run, checkpoints: Checkpoints) -> History:
    """Put every rank into the first one's last checkpoint, or its initial weights; the history so far."""
    last = checkpoints.last() if run.ranks.is_first else None
    found: History = json.loads(run.ranks.broadcast_text(json.dumps(last.history if last else [])))
    if last:
        _assign(run.groups, last)
    for name, variables in run.groups.items():
        if found or name != "optimizer":  # whose variables start as zeros everywhere
            run.ranks.broadcast(variables)
    return found


def _restore_best(run: _Run, checkpoints: Checkpoints, best: int) -> None:
    """Give every rank the weights that validation found best, their averages where there are any."""
    checkpoint = checkpoints.load(best) if run.ranks.is_first else None
    if checkpoint:
        assign_variables(run.weights, checkpoint.groups["weights"])
        if run.average.variables:
            assign_variables(run.network.trainable_variables, checkpoint.groups["averages"])
    run.ranks.broadcast(run.weights)


def _read(groups: Mapping[str, list[Any]]) -> dict[str, list[npt.NDArray[Any]]]:
    return {name: read_variables(variables) for name, variables in groups.items()}


def _assign(groups: Mapping[str, list[Any]], checkpoint: Checkpoint) -> None:
    for name, variables in groups.items():
        assign_variables(variables, checkpoint.groups.get(name, []))
