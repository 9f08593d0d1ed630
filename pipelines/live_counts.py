"""Numbers of live prediction: counted in the tasks, added up in the driver, told as one JSON object.

A micro-batch that is done again after a crash is counted again.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pyspark import Accumulator, AccumulatorParam, SparkContext

from pipelines.live_prediction import Outcomes
from pipelines.traits import TRAITS, Profile, count_traits

Counts = Counter[tuple[str, str]]
_STEP = 1.1  # of the delays' histogram: a percentile is at most a tenth too high
_BOUNDS = range(24, 169, 3)  # exponents of the step that Prometheus gets: 10 ms to 2.5 h, by a third each


class CountsParam(AccumulatorParam[Counts]):
    """How Spark adds up counts."""

    def zero(self, value: Counts) -> Counts:  # noqa: ARG002 - Spark gives the value to be like
        return Counter()

    def addInPlace(self, value1: Counts, value2: Counts) -> Counts:  # noqa: N802 - Spark's name
        value1.update(value2)
        return value1


def create_counts(context: SparkContext) -> Accumulator[Counts]:
    """Counts that tasks add to and the driver reads."""
    return context.accumulator(Counter(), CountsParam())


def count_outcomes(outcomes: Outcomes, *, repeated: int) -> Counts:
    """Of one batch of messages; `repeated` of them had a prediction already."""
    counts: Counts = Counter({("others", ""): outcomes.others, ("repeated", ""): repeated})
    counts.update(("models", prediction.version) for prediction in outcomes.predictions)
    counts.update(("dead_letters", letter.reason) for letter in outcomes.dead_letters)
    delays_ms = [max(p.delay_ms, 0.0) for p in outcomes.predictions if p.delay_ms is not None]
    counts.update(("delays", _bucket(delay_ms)) for delay_ms in delays_ms)
    counts["delays_ms", ""] += round(sum(delays_ms))
    for version in {prediction.version for prediction in outcomes.predictions}:
        traits = (p.traits for p in outcomes.predictions if p.traits and p.version == version)
        counts.update({(f"{trait} {version}", name): n for (trait, name), n in count_traits(traits).items()})
    return counts


def find_profile(counts: Counts, version: str) -> Profile:
    """Of the version's predictions so far."""
    return {trait: Counter(_group(counts, f"{trait} {version}")) for trait in TRAITS}


def describe_counts(counts: Counts) -> dict[str, Any]:
    """`read` = `predictions` + `dead_letters` + `other_speakers`; delays are from sending to predicting."""
    dead_letters, models = _group(counts, "dead_letters"), _group(counts, "models")
    predictions, others = sum(models.values()), counts["others", ""]
    return {
        "read": predictions + sum(dead_letters.values()) + others,
        "predictions": predictions,
        "dead_letters": dead_letters,
        "other_speakers": others,
        "repeated": counts["repeated", ""],
        "models": models,
        "delay_ms": {f"p{share}": _percentile(_group(counts, "delays"), share / 100) for share in (50, 95, 99)},
    }


def describe_delays(counts: Counts) -> tuple[list[tuple[str, float]], float]:
    """As a histogram of Prometheus: each bound in seconds with the delays up to it, and the sum of all in seconds."""
    delays = [(int(exponent), count) for exponent, count in _group(counts, "delays").items()]
    bounds = [(f"{_STEP**bound / 1000:.4g}", bound) for bound in _BOUNDS]
    buckets = [(text, float(sum(count for exponent, count in delays if exponent <= bound))) for text, bound in bounds]
    return [*buckets, ("+Inf", float(sum(count for _, count in delays)))], counts["delays_ms", ""] / 1000


def _group(counts: Counts, kind: str) -> dict[str, int]:
    return {name: count for (group, name), count in sorted(counts.items()) if group == kind and count}


def _bucket(delay_ms: float) -> str:
    """The exponent of the smallest power of the step that is not below the delay; a clock may run behind."""
    return str(math.ceil(math.log(max(delay_ms, 1.0), _STEP)))


def _percentile(buckets: Mapping[str, int], share: float) -> int | None:
    """An upper bound; null without delays."""
    left = math.ceil(share * sum(buckets.values()))
    for exponent, count in sorted((int(name), count) for name, count in buckets.items()):
        left -= count
        if left <= 0:
            return round(_STEP**exponent) if buckets else None
    return None
