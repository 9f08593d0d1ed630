"""What one trial does inside its Spark task: it draws settings, trains with them, and stops where it lags behind.

TensorFlow and Optuna are imported only when a trial runs: the driver also loads this module.
"""

import gc
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.training_config import Scaling, TrainingConfig
from pipelines.feed import Shard, SnapshotFacts
from pipelines.fixed_vectors import set_vectors
from pipelines.rank import open_feeds
from pipelines.search_space import Range, Recipe, apply_settings

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from models.training import Trained

METRIC = "validation_accuracy"
History = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class TrialTask:
    """All that a trial is told."""

    facts: SnapshotFacts
    build_network: Callable[..., Any]
    base: Recipe  # the settings that are not searched
    space: tuple[Range, ...]
    threads: int  # cores of the Spark task


def train_trial(task: TrialTask, trial: "BaseTrial", *, on_epoch: Callable[[History], None]) -> float:
    """The best epoch's validation accuracy with the settings that the trial draws; raises TrialPruned.

    `on_epoch` gets the metrics of all epochs so far. It trains alone, as all of `training.ranks` would together. The
    test split is not read, and nothing is left behind: the checkpoints go with the trial. The process must be prepared
    for it (`pipelines.compute`).
    """
    import optuna

    recipe = apply_settings(task.base, {item.name: item.draw(trial) for item in task.space})

    def report(history: History) -> None:
        on_epoch(history)
        trial.report(history[-1][METRIC], len(history))
        if trial.should_prune():
            raise optuna.TrialPruned

    trained = _train(task, recipe, report)
    return trained.history[trained.best_epoch - 1][METRIC]


def _train(task: TrialTask, recipe: Recipe, report: Callable[[History], None]) -> "Trained":
    import keras

    from models.checkpoints import Checkpoints
    from models.collective import Ranks
    from models.steps import find_flexible
    from models.training import train

    keras.utils.clear_session()  # what the trial before left in this process
    gc.collect()
    config, ranks = train_as_one(recipe.training), Ranks()
    network, trainee = (
        task.build_network(task.facts.inputs, classes=task.facts.classes, config=recipe.network, ranks=part)
        for part in (None, ranks)
    )
    set_vectors(network, task.facts)
    with tempfile.TemporaryDirectory(prefix="malgil-trial-") as folder:
        return train(
            network,
            open_feeds(task.facts, config, Shard(), flexible=find_flexible(trainee)),
            config,
            checkpoints=Checkpoints(Path(folder).as_uri()),
            trainee=trainee,
            on_epoch=report,
        )


def train_as_one(config: TrainingConfig) -> TrainingConfig:
    """Settings with which one rank takes the steps that `config.ranks` take together."""
    from models.schedule import peak_learning_rate

    return replace(
        config,
        ranks=1,
        batch_size=config.batch_size * config.ranks,
        learning_rate=peak_learning_rate(config, ranks=config.ranks),
        learning_rate_scaling=Scaling.none,
        commit_steps=0,
    )
