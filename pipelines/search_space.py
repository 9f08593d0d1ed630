"""The search space: which settings of the network and of training are tried, and in what range.

    {training.learning_rate: {low: 0.0005, high: 0.005, log: true}, network.kind: {choices: [cnn, bigru]}}

Optuna is not imported here: what a trial draws from is handed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from models.network_config import NetworkConfig
from models.training_config import TrainingConfig
from pipelines.errors import MalgilError
from pipelines.setting_names import hint_at, setting_names

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Value = str | float | int | bool
DEFAULT_SPACE: Mapping[str, Mapping[str, Any]] = {
    "training.learning_rate": {"low": 0.0005, "high": 0.005, "log": True},
    "training.batch_size": {"choices": [32, 64, 128]},
    "training.label_smoothing": {"low": 0.0, "high": 0.2},
    "network.word_dropout": {"low": 0.0, "high": 0.3},
    "network.embedding_dropout": {"low": 0.0, "high": 0.5},
    "network.dropout": {"low": 0.2, "high": 0.6},
}
# How training runs, not what it learns; and what trials are compared by.
RUNNING = ("ranks", "min_ranks", "max_losses", "start_timeout_s", "commit_steps", "precision")
_FIXED = (*(f"training.{name}" for name in RUNNING), "training.epochs", "training.monitor", "network.embeddings")
_BOUNDS = {"low", "high"}


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how."""

    network: NetworkConfig
    training: TrainingConfig


@dataclass(frozen=True)
class Range:
    """Where a setting's value is drawn from: its choices, or the numbers from `low` to `high`."""

    name: str
    choices: tuple[Value, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False  # drawn evenly by the logarithm
    is_whole: bool = False

    def draw(self, trial: "BaseTrial") -> Value:
        """A trial's value."""
        if self.choices:
            return cast(Value, trial.suggest_categorical(self.name, self.choices))
        if self.is_whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def values(self) -> list[Value]:
        """All values, for a grid. Raises MalgilError where there is no end to them."""
        if self.choices:
            return list(self.choices)
        step = self.step or (1 if self.is_whole else None)
        if step is None or self.log:
            raise MalgilError(
                f"tune.space: a grid expected choices or a step for {self.name}, found neither; "
                "name them, or choose tune.sampler=tpe"
            )
        count = int((self.high - self.low) / step + 1e-9) + 1
        values = [self.low + number * step for number in range(count)]
        return [int(value) for value in values] if self.is_whole else [*values]


def parse_space(space: Mapping[str, Any], base: Recipe) -> tuple[Range, ...]:
    """The ranges of a mapping from settings to ranges; the default space where it is empty.

    Raises MalgilError for a setting that there is not, for a range that is none or that its setting cannot take, and
    for a network that would start from learned vectors.
    """
    if base.network.embeddings:
        raise MalgilError(
            "network.embeddings: expected none to search with, as trials start from random vectors; unset it"
        )
    return tuple(_parse_range(name, given, base) for name, given in (space or DEFAULT_SPACE).items())


def describe_space(space: Sequence[Range]) -> dict[str, str]:
    """Each setting's range in words, for a person to read."""
    return {item.name: _describe(item) for item in space}


def apply_settings(base: Recipe, values: Mapping[str, Value]) -> Recipe:
    """The recipe with other values of some settings. Raises MalgilError for one that a setting cannot take."""
    config = OmegaConf.create({"network": base.network, "training": base.training})
    for name, value in values.items():
        config = _merge(config, name, value)
    network, training = OmegaConf.to_object(config.network), OmegaConf.to_object(config.training)
    return Recipe(cast(NetworkConfig, network), cast(TrainingConfig, training))


def _describe(item: Range) -> str:
    if item.choices:
        return ", ".join(map(str, item.choices))
    step = f", step {item.step}" if item.step else ""
    return f"{item.low} to {item.high}{step}{', log' if item.log else ''}"


def _merge(config: DictConfig, name: str, value: Value) -> DictConfig:
    given = OmegaConf.create({})
    OmegaConf.update(given, name, value)
    try:
        return cast(DictConfig, OmegaConf.merge(config, given))
    except OmegaConfBaseException as error:
        raise MalgilError(f"tune.space: {name}: {str(error.msg).splitlines()[0]}") from error


def _parse_range(name: str, given: Any, base: Recipe) -> Range:
    default = _default_of(name, base)
    if not isinstance(given, Mapping):
        raise _wrong(name, f"{{low: …, high: …}} or {{choices: […]}}, received {given!r}")
    if unknown := sorted(set(given) - {"low", "high", "step", "log", "choices"}):
        raise _wrong(name, f"low, high, step, log or choices, received {unknown[0]!r}")
    if "choices" in given:
        return _parse_choices(name, given, base)
    if isinstance(default, bool | str | Enum):
        raise _wrong(name, "{choices: […]}, as it is no number")
    return _parse_bounds(name, given, base, is_whole=isinstance(default, int))


def _parse_choices(name: str, given: Mapping[str, Any], base: Recipe) -> Range:
    choices = given["choices"]
    if set(given) != {"choices"} or not isinstance(choices, list | tuple) or not choices:
        raise _wrong(name, f"choices alone, a list with something in it, received {dict(given)!r}")
    for choice in choices:
        apply_settings(base, {name: choice})
    return Range(name, choices=tuple(choices))


def _parse_bounds(name: str, given: Mapping[str, Any], base: Recipe, *, is_whole: bool) -> Range:
    numbers = [value for key, value in given.items() if key != "log"]
    if not set(given) >= _BOUNDS or not all(_is_number(value) for value in numbers):
        raise _wrong(name, f"numbers for low and high, received {dict(given)!r}")
    bounds = Range(name, low=given["low"], high=given["high"], step=given.get("step"), log=bool(given.get("log")))
    if bounds.low >= bounds.high:
        raise _wrong(name, f"low below high, received {bounds.low} and {bounds.high}")
    if bounds.log and (bounds.low <= 0 or bounds.step):
        raise _wrong(name, f"low above 0 and no step where log is true, received {dict(given)!r}")
    if bounds.step is not None and bounds.step <= 0:
        raise _wrong(name, f"a step above 0, received {bounds.step}")
    if is_whole and any(value != int(value) for value in numbers):
        raise _wrong(name, f"whole numbers, received {dict(given)!r}")
    for value in (bounds.low, bounds.high):
        apply_settings(base, {name: value})
    return Range(**{**vars(bounds), "is_whole": is_whole})


def _default_of(name: str, base: Recipe) -> Value | Enum:
    known = [known for known in setting_names(base) if "." in known and known not in _FIXED]
    if name in _FIXED:
        raise MalgilError(f"tune.space: {name} cannot be searched: trials must have it in common; leave it out")
    if name not in known:
        raise MalgilError(
            f"tune.space: there is no setting {name} of the network or of training; {hint_at(name, known)}"
        )
    value: Any = base
    for part in name.split("."):
        value = getattr(value, part)
    if not isinstance(value, bool | str | int | float | Enum):
        raise MalgilError(f"tune.space: {name} cannot be searched: expected a setting with one value; leave it out")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(name: str, expected: str) -> MalgilError:
    return MalgilError(f"tune.space: {name}: expected {expected}")
