"""The worker's loop: what one rank does from the first batch to the best weights.

Every rank takes the same number of steps, on batches of its own; gradients are averaged in the optimizer,
metrics are summed over ranks, so all ranks take the same decisions and end with equal weights.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import keras

from models.calibration import Calibration
from models.checkpoints import Checkpoints, History
from models.collective import Ranks
from models.confidence import judge_confidence
from models.training_config import TrainingConfig
from models.training_run import (
    Feeds,
    Run,
    average_statistics,
    build_run,
    choose_kept,
    commit,
    read_state,
    restore_best,
    resume,
    seed_dropout,
    take_average,
    take_totals,
)
from models.weights import assign_variables, hash_arrays, read_variables

LONE_RANK = Ranks()
ProgressListener = Callable[["Progress"], None]
HistoryListener = Callable[[History], None]


class Paused(Exception):  # noqa: N818  # nothing is wrong
    """Training stopped at a commit because it was asked to; trained again, it goes on from there."""


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
    calibration: Calibration
    scope_threshold: float  # of models.scope, by the calibrated confidences


def train(
    network: keras.Model,
    feeds: Feeds,
    config: TrainingConfig,
    *,
    checkpoints: Checkpoints,
    ranks: Ranks = LONE_RANK,
    trainee: keras.Model | None = None,
    on_progress: ProgressListener | None = None,
    on_epoch: HistoryListener = lambda _history: None,
    is_pause_asked: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train to the last epoch, or until `patience` epochs brought nothing better; leave the best weights,
    calibrated on the validation rows where it gives classes.

    `trainee` is this rank's part of the network where the ranks split it (`models.sharding`), and a second network like
    it where weights are averaged. Training goes on
    after the last checkpoint of the same run: with as many ranks to the result of an undisturbed run, with
    others to one like it. Rows with label -1 count in no loss, and as wrong in the accuracy. On all ranks it raises
    Paused after a commit at which the first one's `is_pause_asked` says yes. `on_epoch` gets the metrics of every epoch
    so far behind each one's commit; what it raises ends the training.
    """
    run = build_run(network, trainee or network, feeds, config, checkpoints=checkpoints, ranks=ranks)
    resume(run)
    first_step_at = None
    while not _is_finished(run):
        metrics, stepped_at = _train_epoch(run, on_progress, is_pause_asked)
        first_step_at = first_step_at or stepped_at
        state = read_state(run)
        assign_variables(run.weights, choose_kept(state))
        run.history, run.step = [*run.history, {**metrics, **_validate(run)}], 0
        commit(run, state)
        on_epoch(run.history)
        if not _is_finished(run):
            _pause_if_asked(run, is_pause_asked)
    weights_hash = hash_arrays(read_variables(run.weights))  # as this rank trained them, not as it is given them next
    restore_best(run)
    share = config.in_scope_share
    calibration, threshold = judge_confidence(network, feeds.validation, ranks, in_scope_share=share)
    return Trained(run.history, run.best_epoch, weights_hash, first_step_at, calibration, threshold)


def _train_epoch(
    run: Run, on_progress: ProgressListener | None, is_pause_asked: Callable[[], bool]
) -> tuple[dict[str, float], float]:
    """The epoch's training metrics over all ranks, and when the first step of this process was done."""
    seed_dropout(run)
    start, started, first_step_at = run.step, time.perf_counter(), 0.0
    for features, labels in islice(run.feeds.training(len(run.history) + 1), start, run.steps):
        run.train_step(features, labels)
        run.step += 1
        take_average(run)
        first_step_at = first_step_at or time.time()
        if on_progress:
            on_progress(_progress(run, steps=run.step - start, seconds=time.perf_counter() - started))
        if _is_commit_due(run):
            commit(run, read_state(run))
            _pause_if_asked(run, is_pause_asked)
            seed_dropout(run)
    loss, accuracy = take_totals(run)
    seconds = time.perf_counter() - started
    average_statistics(run)
    return {
        "loss": loss,
        "accuracy": accuracy,
        "learning_rate": float(run.optimizer.learning_rate),
        "ranks": run.ranks.size,
        "seconds": seconds,
        "rows_per_s": (run.steps - start) * run.rows_a_step / seconds,
    }, first_step_at


def _is_commit_due(run: Run) -> bool:
    every = run.config.commit_steps
    return bool(every) and run.step % every == 0 and run.step < run.steps


def _pause_if_asked(run: Run, is_pause_asked: Callable[[], bool]) -> None:
    if run.ranks.sum(run.ranks.is_first and is_pause_asked()):
        raise Paused


def _validate(run: Run) -> dict[str, float]:
    """Metrics over all ranks."""
    for features, labels in run.feeds.validation():
        run.validation_step(features, labels)
    loss, accuracy = take_totals(run)
    return {"validation_loss": loss, "validation_accuracy": accuracy}


def _progress(run: Run, *, steps: int, seconds: float) -> Progress:
    """`steps` were done in `seconds` by this process."""
    total = run.steps * run.config.epochs * run.rows_a_step
    done = (run.steps * len(run.history) + run.step) * run.rows_a_step
    return Progress(len(run.history) + 1, done, total, steps * run.rows_a_step / seconds)


def _is_finished(run: Run) -> bool:
    stale = len(run.history) - run.best_epoch
    return len(run.history) >= run.config.epochs or bool(run.config.patience and stale >= run.config.patience)
