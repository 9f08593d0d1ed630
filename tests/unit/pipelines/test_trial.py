"""A trial without Spark: it trains on a snapshot, reports each epoch, and is stopped by the pruner."""

from collections.abc import Sequence
from typing import Any

import optuna
import pytest

from models.network_config import NetworkConfig
from models.training_config import Scaling, TrainingConfig
from pipelines.feed import read_facts
from pipelines.search_space import Recipe, parse_space
from pipelines.trial import TrialTask, train_as_one, train_trial
from tests.tiny_network import TinyConfig, build_tiny_network, write_snapshot

BASE = Recipe(NetworkConfig(), TrainingConfig(ranks=2, epochs=3, batch_size=10, learning_rate=0.02))


def build_tiny(inputs: Any, *, classes: int, config: NetworkConfig, ranks: Any = None) -> Any:
    return build_tiny_network(inputs, classes=classes, config=TinyConfig(dropout=config.dropout / 4), ranks=ranks)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> TrialTask:
    folder = tmp_path_factory.mktemp("snapshot")
    facts = read_facts(write_snapshot(folder / "snapshot", train=[60, 60], validation=[20]))  # and no test split
    space = parse_space({"network.dropout": {"low": 0.1, "high": 0.5}}, BASE)
    return TrialTask(facts, build_tiny, BASE, space, threads=1)


def run(task: TrialTask, pruner: optuna.pruners.BasePruner) -> tuple[optuna.trial.FrozenTrial, list[int]]:
    seen: list[int] = []

    def on_epoch(history: Sequence[Any]) -> None:
        seen.append(len(history))

    study = optuna.create_study(direction="maximize", pruner=pruner)
    study.optimize(lambda trial: train_trial(task, trial, on_epoch=on_epoch), n_trials=1)
    return study.trials[0], seen


def test_a_trial_reports_the_validation_accuracy_of_every_epoch_and_ends_with_the_best(task: TrialTask) -> None:
    trial, seen = run(task, optuna.pruners.NopPruner())

    assert seen == [1, 2, 3] == list(trial.intermediate_values)
    assert trial.value == max(trial.intermediate_values.values()) > 0.2  # one of five classes at random
    assert 0.1 <= trial.params["network.dropout"] <= 0.5


def test_a_trial_that_lags_behind_is_stopped(task: TrialTask) -> None:
    trial, seen = run(task, optuna.pruners.ThresholdPruner(lower=1.1, n_warmup_steps=2))

    assert trial.state is optuna.trial.TrialState.PRUNED
    assert seen == [1, 2]


@pytest.mark.parametrize(("scaling", "rate"), [(Scaling.linear, 0.08), (Scaling.none, 0.02)])
def test_one_rank_takes_the_steps_of_all(scaling: Scaling, rate: float) -> None:
    config = train_as_one(TrainingConfig(ranks=4, batch_size=10, learning_rate=0.02, learning_rate_scaling=scaling))

    assert (config.ranks, config.batch_size, config.learning_rate_scaling) == (1, 40, Scaling.none)
    assert config.learning_rate == pytest.approx(rate)
