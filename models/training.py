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
from models.sharding import read_whole, take_share
from models.steps import Step, build_train_step, build_validation_step
from models.training_config import TrainingConfig
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

    network: keras.Model  # whole: what is validated and kept
    trainee: keras.Model  # this rank's part of it, or the network itself
    feeds: Feeds
    config: TrainingConfig
    ranks: Ranks
    steps: int  # an epoch, on every rank
    optimizer: DistributedAdam
    totals: tf.Variable  # loss, right rows, rows
    train_step: Step
    validation_step: Step

    @property
    def rows_a_step(self) -> int:
        return self.config.batch_size * self.ranks.size

    @property
    def weights(self) -> list[Any]:
        return _weights(self.network)

    @property
    def state(self) -> dict[str, list[Any]]:
        """What a step changes, as the groups of a checkpoint."""
        return {"weights": _weights(self.trainee), "optimizer": self.optimizer.variables}


def train(
    network: keras.Model,
    feeds: Feeds,
    config: TrainingConfig,
    *,
    checkpoints: Checkpoints,
    ranks: Ranks = LONE_RANK,
    trainee: keras.Model | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train to the last epoch, or until `patience` epochs brought nothing better; leave the best weights.

    `trainee` is this rank's part of the network where the ranks split it (`models.sharding`). Training goes on
    after the last checkpoint of the same run, to the result of an undisturbed run. Rows with label -1 count in
    no loss, and as wrong in the accuracy.
    """
    run = _build_run(network, trainee or network, feeds, config, ranks=ranks)
    history, first_step_at = _resume(run, checkpoints), None
    while not _is_finished(history, config):
        metrics, stepped_at = _train_epoch(run, len(history) + 1, on_progress)
        first_step_at = first_step_at or stepped_at
        state = {name: read_whole(variables, ranks) for name, variables in run.state.items()}
        assign_variables(run.weights, state["weights"])
        history = [*history, {**metrics, **_validate(run)}]
        if ranks.is_first:
            checkpoints.save(state, history, best=best_epoch(history, config.monitor.value))
    weights_hash = hash_arrays(read_variables(run.weights))  # of what this rank trained, not what it is given next
    best = best_epoch(history, config.monitor.value)
    _restore_best(run, checkpoints, best)
    return Trained(history, best, weights_hash, first_step_at)


def _build_run(
    network: keras.Model, trainee: keras.Model, feeds: Feeds, config: TrainingConfig, *, ranks: Ranks
) -> _Run:
    steps = max(1, feeds.rows // (config.batch_size * ranks.size))
    optimizer = DistributedAdam(
        learning_rate_schedule(config, ranks=ranks.size, steps_per_epoch=steps),
        ranks=ranks.size,
        clip_norm=config.clip_norm,
        decay=config.weight_decay,
    )
    optimizer.build(trainee.trainable_variables)
    totals = tf.Variable(tf.zeros(3, tf.float64))
    train_step = build_train_step(
        trainee, optimizer, totals, batch_size=config.batch_size, label_smoothing=config.label_smoothing
    )
    validation_step = build_validation_step(network, totals)
    return _Run(network, trainee, feeds, config, ranks, steps, optimizer, totals, train_step, validation_step)


def _train_epoch(
    run: _Run, epoch: int, on_progress: Callable[[Progress], None] | None
) -> tuple[dict[str, float], float]:
    """The epoch's training metrics over all ranks, and when its first step was done."""
    _seed_dropout(run, epoch)
    started, first_step_at = time.perf_counter(), 0.0
    for step, (features, labels) in enumerate(islice(run.feeds.training(epoch), run.steps), 1):
        run.train_step(features, labels)
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
    """Metrics over all ranks."""
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
    for variable in run.trainee.variables:
        if _is_seed(variable):
            variable.assign(source.integers(0, 2**31, size=tuple(variable.shape)))


def _weights(network: keras.Model) -> list[Any]:
    return [variable for variable in network.variables if not _is_seed(variable)]


def _is_seed(variable: Any) -> bool:
    return "seed_generator" in variable.path


def _average_statistics(run: _Run) -> None:
    """Give every rank the mean of what each gathered itself (a normalization's moving mean, say)."""
    trained = {id(variable) for variable in run.trainee.trainable_variables}
    for variable in _weights(run.trainee):
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
        assign_variables(run.weights, last.groups["weights"])
    _share_weights(run)
    if found:
        _share_optimizer(run, last)
    return found


def _share_weights(run: _Run) -> None:
    """Give the first rank's whole weights to every rank's network, and to each trainee its part."""
    whole = run.ranks.broadcast_arrays(read_variables(run.weights))
    assign_variables(run.weights, whole)
    trained = _weights(run.trainee)
    assign_variables(trained, take_share(trained, whole, run.ranks))


def _share_optimizer(run: _Run, checkpoint: Checkpoint | None) -> None:
    """Give every rank its part of the first one's checkpoint."""
    variables = run.optimizer.variables
    whole = read_whole(variables, run.ranks)
    whole = run.ranks.broadcast_arrays(checkpoint.groups["optimizer"] if checkpoint else whole)
    assign_variables(variables, take_share(variables, whole, run.ranks))


def _restore_best(run: _Run, checkpoints: Checkpoints, best: int) -> None:
    """Give every rank the weights that validation found best."""
    checkpoint = checkpoints.load(best) if run.ranks.is_first else None
    if checkpoint:
        assign_variables(run.weights, checkpoint.groups["weights"])
    _share_weights(run)
