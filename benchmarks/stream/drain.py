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
_START = 0.1  # the share of rows behind which it is measured: what comes first is the start
_STALLED_S = 120.0
_SAMPLED = 50  # one room of so many


@dataclass(frozen=True)
class Sample:
    """How far it is."""

    at: float
    rows: int
    memory: dict[str, float]


def measure_drain(bench: Bench, process: Measured, *, rows: int) -> dict[str, Any]:
    """Of the first `rows` messages of a backlog, but for the first tenth."""
    client, load = bench.connect_redis(), os.getloadavg()[0]
    process.wait(lambda: _count(client) > 0, within_s=START_S)
    samples = [_sample(client, process)]
    process.wait(lambda: _go_on(samples, client, process) >= rows, within_s=rows / 1000 + _STALLED_S, every_s=_SAMPLE_S)
    warm = next(sample for sample in samples if sample.rows >= _START * rows)
    third = max(1, len(samples) // 3)
    return {
        "rows_per_s": round((samples[-1].rows - warm.rows) / (samples[-1].at - warm.at)),
        "peak_mib": {kind: round(max(sample.memory[kind] for sample in samples)) for kind in warm.memory},
        "peak_mib_of_first_third": round(max(sample.memory["all"] for sample in samples[:third])),
        "peak_mib_of_last_third": round(max(sample.memory["all"] for sample in samples[-third:])),
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


def _go_on(samples: list[Sample], client: redis.Redis, process: Measured) -> int:
    samples.append(_sample(client, process))
    return samples[-1].rows


def _sample(client: redis.Redis, process: Measured) -> Sample:
    return Sample(time.monotonic(), _count(client), process.weigh())


def _count(client: redis.Redis) -> int:
    """About the predictions in Redis: messages are even over the rooms, of which every fiftieth is asked."""
    return count_entries(client, range(0, ROOMS, _SAMPLED)) * _SAMPLED
