"""One rank's training run: its networks, optimizer and position, and how they are committed and taken up again."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from models.averaging import Averages, build_averages, update_averages
from models.checkpoints import Checkpoint, Checkpoints, History, best_epoch
from models.collective import Ranks
from models.encoders.token_vectors import FIXED_VECTORS
from models.optimizer import DistributedAdam
from models.schedule import learning_rate_schedule
from models.sharding import read_whole, take_share
from models.steps import Step, build_train_step, build_validation_step, find_flexible
from models.training_config import TrainingConfig
from models.weights import Arrays, assign_variables, read_variables

_AVERAGES = "averages"
Batch = tuple[Mapping[str, npt.NDArray[np.int32]], npt.NDArray[Any]]


@dataclass(frozen=True)
class Feeds:
    """One rank's batches of features and labels, or of features and targets (rows, classes) to train with.

    Rows may be cut where the trainee takes any length (`models.steps.find_flexible`).
    """

    rows: int  # training rows over all ranks
    training: Callable[[int], Iterator[Batch]]  # endless, for an epoch (from 1); each of `batch_size` rows
    validation: Callable[[], Iterator[Batch]]  # one pass; the last one may be smaller
    has_targets: bool = False  # whether training's batches have targets
    class_weights: npt.NDArray[np.float32] | None = None  # what a row of each class counts in the loss; None: 1


@dataclass
class Run:
    """All that an epoch needs, and how far training is."""

    network: keras.Model  # whole: what is validated and kept
    trainee: keras.Model  # this rank's part of it, or the network itself
    feeds: Feeds
    config: TrainingConfig
    ranks: Ranks
    checkpoints: Checkpoints
    steps: int  # an epoch, on every rank
    optimizer: DistributedAdam
    totals: tf.Variable  # loss, right rows and rows of this epoch so far
    train_step: Step
    validation_step: Step
    averages: Averages | None  # of the trainee's weights, where they are kept in the place of the last ones
    history: History = field(default_factory=list)  # metrics of every epoch so far
    step: int = 0  # done in the epoch after those

    @property
    def rows_a_step(self) -> int:
        """Over all ranks."""
        return self.config.batch_size * self.ranks.size

    @property
    def weights(self) -> list[Any]:
        """The network's variables but the dropouts' seeds."""
        return _weights(self.network)

    @property
    def best_epoch(self) -> int:
        """From 1; 0 before the first epoch's end."""
        return best_epoch(self.history, self.config.monitor.value)


def build_run(
    network: keras.Model,
    trainee: keras.Model,
    feeds: Feeds,
    config: TrainingConfig,
    *,
    checkpoints: Checkpoints,
    ranks: Ranks,
) -> Run:
    """A run at its beginning. Raises ValueError where weights are averaged and the network is its own trainee."""
    if config.average_epochs and trainee is network:
        raise ValueError("training.average_epochs: expected a trainee beside the network, whose means are validated")
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
        trainee,
        optimizer,
        totals,
        batch_size=config.batch_size,
        label_smoothing=config.label_smoothing,
        has_targets=feeds.has_targets,
        class_weights=feeds.class_weights,
    )
    validation_step = build_validation_step(network, totals, flexible=find_flexible(trainee))
    averages = build_averages(_weights(trainee), trainee.trainable_variables) if config.average_epochs else None
    return Run(
        network, trainee, feeds, config, ranks, checkpoints, steps, optimizer, totals, train_step, validation_step,
        averages,
    )  # fmt: skip


def commit(run: Run, state: Mapping[str, Arrays]) -> None:
    """Put where the run stands into the store; all ranks must call it together."""
    totals = run.ranks.sum(run.totals.numpy())
    if run.ranks.is_first:
        run.checkpoints.save(
            Checkpoint(dict(state), run.history, run.step * run.rows_a_step, totals.tolist()), best=run.best_epoch
        )


def read_state(run: Run) -> dict[str, Arrays]:
    """What a step changes, whole, as the groups of a checkpoint; all ranks must call it together."""
    variables = {"weights": _weights(run.trainee), "optimizer": run.optimizer.variables}
    if run.averages:
        variables[_AVERAGES] = run.averages.variables
    return {name: read_whole(group, run.ranks) for name, group in variables.items()}


def choose_kept(state: Mapping[str, Arrays]) -> Arrays:
    """Of a checkpoint's groups the weights that are validated and kept: the means, or the last ones."""
    return state.get(_AVERAGES, state["weights"])


def take_average(run: Run) -> None:
    """Take the weights after the run's newest step into their mean, where there is one."""
    if run.averages:
        done = len(run.history) * run.steps + run.step
        update_averages(run.averages, done=done, steps=run.steps, epochs=run.config.average_epochs)


def resume(run: Run) -> None:
    """Put every rank into the first one's last checkpoint, or its initial weights.

    The checkpoint may be of another number of ranks: the rest of its epoch is then dealt out anew.
    """
    last = run.checkpoints.last() if run.ranks.is_first else None
    found = json.loads(run.ranks.broadcast_text(json.dumps([last.history, last.rows] if last else [[], 0])))
    run.history, run.step = found[0], found[1] // run.rows_a_step
    if last:
        assign_variables(run.weights, last.groups["weights"])
        run.totals.assign(last.totals)
    _share_weights(run)
    if found != [[], 0]:
        _share_variables(run, run.optimizer.variables, last.groups["optimizer"] if last else None)
        if run.averages:
            _share_variables(run, run.averages.variables, last.groups[_AVERAGES] if last else None)
    done = len(run.history) * run.steps + run.step
    run.optimizer.shift_schedule(done - int(run.optimizer.iterations.numpy()))


def restore_best(run: Run) -> None:
    """Give every rank the weights that validation found best."""
    checkpoint = run.checkpoints.load(run.best_epoch) if run.ranks.is_first else None
    if checkpoint:
        assign_variables(run.weights, choose_kept(checkpoint.groups))
    _share_weights(run)


def seed_dropout(run: Run) -> None:
    """Other masks on every rank and from every commit on, the same ones when its steps are run again."""
    source = np.random.default_rng([run.config.seed, len(run.history) + 1, run.step, run.ranks.rank])
    for variable in run.trainee.variables:
        if _is_seed(variable):
            variable.assign(source.integers(0, 2**31, size=tuple(variable.shape)))


def average_statistics(run: Run) -> None:
    """Give every rank the mean of what each gathered itself (a normalization's moving mean, say)."""
    trained = {id(variable) for variable in run.trainee.trainable_variables}
    for variable in _weights(run.trainee):
        is_gathered = id(variable) not in trained and f"{FIXED_VECTORS}/" not in variable.path
        if is_gathered and run.ranks.size > 1:
            variable.assign(run.ranks.sum(variable.numpy()) / run.ranks.size)


def take_totals(run: Run) -> tuple[float, float]:
    """Mean loss and accuracy over all ranks since the last call."""
    loss, right, rows = run.ranks.sum(run.totals.numpy())
    run.totals.assign(tf.zeros(3, tf.float64))
    return float(loss / max(rows, 1)), float(right / max(rows, 1))


def _share_weights(run: Run) -> None:
    """Give the first rank's whole weights to every rank's network, and to each trainee its part."""
    whole = run.ranks.broadcast_arrays(read_variables(run.weights))
    assign_variables(run.weights, whole)
    trained = _weights(run.trainee)
    assign_variables(trained, take_share(trained, whole, run.ranks))


def _share_variables(run: Run, variables: Sequence[Any], saved: Arrays | None) -> None:
    """Give every rank its part of what the first one has `saved` of the variables."""
    whole = read_whole(variables, run.ranks)
    whole = run.ranks.broadcast_arrays(saved or whole)
    assign_variables(variables, take_share(variables, whole, run.ranks))


def _weights(network: keras.Model) -> list[Any]:
    return [variable for variable in network.variables if not _is_seed(variable)]


def _is_seed(variable: Any) -> bool:
    return "seed_generator" in variable.path
