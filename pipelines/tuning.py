"""How settings are searched: the `tune` settings, and the sampler and the pruner that they name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import prod
from typing import TYPE_CHECKING, Any

from pipelines.errors import MalgilError
from pipelines.search_space import Range

if TYPE_CHECKING:  # Optuna is imported where it is used: a second
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

_TRUSTED_TRIALS = 5  # complete ones before the median prunes
_TRUSTED_EPOCHS = 2  # of a trial, in which the learning rate still rises


class Sampler(Enum):
    """How the next trial's settings are drawn."""

    tpe = "tpe"  # Bergstra et al., 2011: near those of good trials
    random = "random"
    grid = "grid"  # every combination once


class Pruner(Enum):
    """Which trials are stopped by their validation curve."""

    median = "median"  # those below the median of the others at the same epoch
    hyperband = "hyperband"  # Li et al., 2018: most after few epochs, the best go on
    none = "none"


@dataclass(frozen=True)
class TuneConfig:
    """How settings are searched."""

    trials: int = 20  # that a study has when it is done, the pruned ones among them
    space: dict[str, Any] = field(default_factory=dict)  # setting: range; empty: the space of docs/tuning.md
    sampler: Sampler = Sampler.tpe  # tpe, random or grid
    pruner: Pruner = Pruner.median  # median, hyperband or none: which trials are stopped early
    parallel: int = 0  # trials at once, one a task slot of Spark; 0: as many as there are slots
    timeout_s: float = 0.0  # seconds after which no trial begins; 0: no limit
    seed: int = 0  # of what is drawn; with trials in parallel, their order decides as well


def build_sampler(config: TuneConfig, space: Sequence[Range], *, done: int) -> "BaseSampler":
    """The sampler of a study that has `done` trials already: a random one must not draw the same ones again."""
    from optuna import samplers

    if config.sampler is Sampler.grid:
        return samplers.GridSampler({item.name: item.values() for item in space}, seed=config.seed)
    if config.sampler is Sampler.random:
        return samplers.RandomSampler(seed=config.seed + done)
    return samplers.TPESampler(seed=config.seed + done, constant_liar=True)  # as if those that still run were bad


def build_pruner(config: TuneConfig, *, epochs: int) -> "BasePruner":
    """The pruner of trials that train for so many epochs at most."""
    from optuna import pruners

    if config.pruner is Pruner.median:
        return pruners.MedianPruner(n_startup_trials=_TRUSTED_TRIALS, n_warmup_steps=_TRUSTED_EPOCHS)
    if config.pruner is Pruner.hyperband:
        return pruners.HyperbandPruner(min_resource=1, max_resource=epochs)
    return pruners.NopPruner()


def count_wanted(config: TuneConfig, space: Sequence[Range]) -> int:
    """The trials of a whole study: a grid has no more than its combinations. Raises MalgilError where it has none."""
    if config.trials < 1:
        raise MalgilError(f"tune.trials: expected 1 or more, received {config.trials}")
    if config.sampler is not Sampler.grid:
        return config.trials
    return min(config.trials, prod(len(item.values()) for item in space))
