"""From a message to the answers that are suggested: whether at all, and three that differ in meaning.

After Kannan et al. (2016), "Smart Reply", sections 5 and 6: a trigger, one answer of a cluster at most, and a
negative one where the others are positive (or the other way round), so that one can say no as quickly as yes.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.clusters import Polarity

_NEVER = 2.0  # no probability reaches it
_OPPOSITE = {Polarity.positive.value: Polarity.negative.value, Polarity.negative.value: Polarity.positive.value}


@dataclass(frozen=True)
class Response:
    """An answer that may be suggested."""

    text: str  # clean
    cluster: str | None  # answers of one meaning; None: like no other
    polarity: str  # a clusters.Polarity


@dataclass(frozen=True)
class ResponseSet:
    """What a version of the reply model chooses from, and when: kept beside its network."""

    responses: tuple[Response, ...]  # in the order of the network's probabilities
    threshold: float  # the trigger: of the best answer's probability

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "ResponseSet":
        value = json.loads(text)
        return cls(tuple(Response(**response) for response in value["responses"]), value["threshold"])


class Ranked(NamedTuple):
    """Answers of one message, best first."""

    places: Sequence[int]  # in the response set
    probabilities: Sequence[float]

    @property
    def best(self) -> float:
        return float(self.probabilities[0])


@dataclass(frozen=True)
class TriggerConfig:
    """When anything is suggested at all."""

    min_precision: float = (
        0.1  # of validation's suggestions, the share that holds the answer given or one of its cluster
    )


@dataclass(frozen=True)
class SuggestionsConfig:
    """What is suggested."""

    count: int = 3  # answers a message
    depth: int = 100  # answers of the best probability among which they are looked for
    min_pair_share: float = 0.05  # of the best one's probability, for the answer of the other polarity


def suggest(found: Ranked, responses: ResponseSet, config: SuggestionsConfig) -> list[int]:
    """The places of the answers that are suggested, best first; none where the trigger says so."""
    if found.best < responses.threshold:
        return []
    chosen = _choose_diverse(found.places, responses, config.count)
    return _enforce_pair(chosen, found, responses, config)


def choose_threshold(best: npt.NDArray[np.float64], is_hit: npt.NDArray[np.bool_], *, min_precision: float) -> float:
    """The lowest threshold at which so large a share of the suggestions hits.

    `best` are the best answers' probabilities of validation messages, `is_hit` whether their suggestions were right.
    Where no threshold reaches the precision nothing is to be suggested: the threshold is above 1.
    """
    order = np.argsort(-best, kind="stable")
    precision = np.cumsum(is_hit[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= min_precision)
    return float(best[order[enough[-1]]]) if len(enough) else _NEVER


def _choose_diverse(places: Sequence[int], responses: ResponseSet, count: int) -> list[int]:
    chosen: dict[str | int, int] = {}  # a cluster's best answer; one that is in none counts as a cluster
    for place in places:
        chosen.setdefault(responses.responses[place].cluster or place, place)
        if len(chosen) == count:
            break
    return list(chosen.values())


def _enforce_pair(chosen: list[int], found: Ranked, responses: ResponseSet, config: SuggestionsConfig) -> list[int]:
    """The last one gives way to the best answer of the polarity that the others lack, if that is probable enough."""
    polarities = [responses.responses[place].polarity for place in chosen]
    missing = [_OPPOSITE[p] for p in polarities[:-1] if p in _OPPOSITE and _OPPOSITE[p] not in polarities]
    if not missing:
        return chosen
    floor = config.min_pair_share * found.best
    likely = [place for place, p in zip(found.places, found.probabilities, strict=True) if p >= floor]
    opposite = [place for place in likely if responses.responses[place].polarity == missing[0]]
    return [*chosen[:-1], opposite[0]] if opposite else chosen
