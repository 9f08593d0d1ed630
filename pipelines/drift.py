"""How far live predictions are from those of the model's own test messages: the population stability index (PSI).

PSI is the sum over bins of (q - p) ln(q / p), p being a bin's share in the reference, q now. Below 0.1 is read as no
change, above 0.25 as a large one: Lewis (1994), "An Introduction to Credit Scoring"; Siddiqi (2006), "Credit Risk
Scorecards". Of few rows PSI is large by chance alone: with nothing changed it is distributed as chi-square with
bins - 1 degrees of freedom, times 1 / rows + 1 / reference rows: Yurdakul and Naranjo (2020), "Statistical Properties
of the Population Stability Index".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from pipelines.traits import INTENT, Profile

LARGE = 0.25
_CHANCE = 0.999  # of unchanged windows stay below `by_chance`
_RARE = 0.01  # intents with a smaller share in the reference are one bin
_NARROW = 0.05  # bins of a number are joined until they have such a share in the reference
_PRIOR = 0.5  # added to each bin: one that is empty on one side would make PSI infinite


@dataclass(frozen=True)
class DriftConfig:
    """How predictions are compared with those of the model's own test messages."""

    rows: int = 5_000  # of predict_stream: predictions of a version in a window, at least
    window_s: float = 600.0  # likewise: seconds that a window lasts, at least
    predictions: str = ""  # of the drift job: the id of predict_batch's output; empty: the newest one


@dataclass(frozen=True)
class Drift:
    """One trait's."""

    psi: float
    by_chance: float  # what it stays below in 999 of 1,000 cases where nothing has changed

    @property
    def is_large(self) -> bool:
        return self.psi > max(LARGE, self.by_chance)


@dataclass(frozen=True)
class Window:
    """Some predictions of one version, compared with its test messages'."""

    rows: int
    traits: Mapping[str, Drift]

    @property
    def is_large(self) -> bool:
        """Whether any trait's drift is."""
        return any(drift.is_large for drift in self.traits.values())

    def describe(self) -> dict[str, Any]:
        return {"rows": self.rows, **{trait: round(drift.psi, 4) for trait, drift in self.traits.items()}}


def measure_drift(reference: Profile, current: Profile) -> dict[str, Drift]:
    """Of each trait that both have."""
    return {trait: _measure(trait, reference[trait], current[trait]) for trait in reference if trait in current}


def stability_index(reference: Sequence[int], current: Sequence[int]) -> Drift:
    """Of counts of the same bins. Without a row on one side, or with one bin, there is none: 0."""
    bins, rows, known = len(reference), sum(current), sum(reference)
    if bins < 2 or not rows or not known:
        return Drift(0.0, 0.0)
    before, now = ([(n + _PRIOR) / (sum(side) + bins * _PRIOR) for n in side] for side in (reference, current))
    psi = sum((q - p) * math.log(q / p) for p, q in zip(before, now, strict=True))
    return Drift(psi, _chi_square(bins - 1) * (1 / rows + 1 / known))


def _measure(trait: str, reference: Mapping[str, int], current: Mapping[str, int]) -> Drift:
    groups = _join_rare(reference, current) if trait == INTENT else _join_narrow(reference, current)
    return stability_index(*([sum(side[name] for name in group) for group in groups] for side in (reference, current)))


def _join_rare(reference: Mapping[str, int], current: Mapping[str, int]) -> list[list[str]]:
    """Each frequent intent, and all others together."""
    least = _RARE * sum(reference.values())
    frequent = sorted(name for name, count in reference.items() if count >= least)
    rare = sorted({*reference, *current} - {*frequent})
    return [*([name] for name in frequent), *([rare] if rare else [])]


def _join_narrow(reference: Mapping[str, int], current: Mapping[str, int]) -> list[list[str]]:
    """Neighbours until they are wide enough; those at the end may be rare, as they may be what becomes frequent."""
    least, groups, open_group = _NARROW * sum(reference.values()), list[list[str]](), list[str]()
    for name in sorted({*reference, *current}):
        open_group.append(name)
        if sum(reference.get(one, 0) for one in open_group) >= least:
            groups.append(open_group)
            open_group = []
    return [*groups, *([open_group] if open_group else [])]


def _chi_square(degrees: int) -> float:
    """The quantile of chi-square: Wilson and Hilferty (1931), "The Distribution of Chi-Square"."""
    part = 2 / (9 * degrees)
    return degrees * (1 - part + NormalDist().inv_cdf(_CHANCE) * math.sqrt(part)) ** 3
