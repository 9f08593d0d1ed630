"""How fast a program drains a backlog, and in how much memory."""

import os
import time
from dataclasses import dataclass
from typing import Any

import redis

from benchmarks.stream.backlog import ROOMS
from benchmarks.stream.bench import Bench
from benchmarks.stream.latency import START_S, count_entries
from benchmarks.stream.process import Measured

_SAMPLE_S = 0.25
_WEIGHED_S = (
    5.0  # between two looks at its memory: one takes a tenth of a second of a core, and of its processes' locks
)
_START = 0.1  # the share of rows behind which it is measured: what comes first is the start
_STALLED_S = 120.0
_SAMPLED = 50  # one room of so many


@dataclass(frozen=True)
class Sample:
    """How far it is."""

    at: float
    rows: int


@dataclass(frozen=True)
class Weight:
    """How much memory it holds, by kind."""

    at: float
    mib: dict[str, float]


def measure_drain(bench: Bench, process: Measured, *, rows: int) -> dict[str, Any]:
    """Of the first `rows` messages of a backlog, but for the first tenth."""
    client, load = bench.connect_redis(), os.getloadavg()[0]
    process.wait(lambda: _count(client) > 0, within_s=START_S)
    samples = [Sample(time.monotonic(), _count(client))]
    weights = [Weight(time.monotonic(), process.weigh())]

    def go_on() -> int:
        samples.append(Sample(time.monotonic(), _count(client)))
        if samples[-1].at - weights[-1].at > _WEIGHED_S:
            weights.append(Weight(samples[-1].at, process.weigh()))
        return samples[-1].rows

    process.wait(lambda: go_on() >= rows, within_s=rows / 1000 + _STALLED_S, every_s=_SAMPLE_S)
    warm = next(sample for sample in samples if sample.rows >= _START * rows)
    third = max(1, len(weights) // 3)
    return {
        "rows_per_s": round((samples[-1].rows - warm.rows) / (samples[-1].at - warm.at)),
        "peak_mib": {kind: round(max(weight.mib[kind] for weight in weights)) for kind in weights[0].mib},
        "peak_mib_of_first_third": round(max(weight.mib["all"] for weight in weights[:third])),
        "peak_mib_of_last_third": round(max(weight.mib["all"] for weight in weights[-third:])),
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


def _count(client: redis.Redis) -> int:
    """About the predictions in Redis: messages are even over the rooms, of which every fiftieth is asked."""
    return count_entries(client, range(0, ROOMS, _SAMPLED)) * _SAMPLED
