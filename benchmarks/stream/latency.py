"""From sending to visible in Redis, at an even rate.

A message is visible when its room's stream has it: the entry's id is Redis's own clock at that moment, and the same
script sets the message's key. So nothing that waits for messages takes part of the machine's time.
"""

import json
import os
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import redis

from benchmarks.stream.bench import Bench
from benchmarks.stream.process import Measured
from benchmarks.stream.talk import ROOMS, talk

START_S, ANSWER_S = 180.0, 60.0
_WINDOW_S = 10


def measure_latency(
    bench: Bench, process: Measured, topic: str, *, per_s: float, seconds: float, warm_s: float
) -> dict[str, Any]:
    """Milliseconds of all messages behind a warm-up, and of the first second's, which find everything cold."""
    client = bench.connect_redis()
    sent = _talk(bench, topic, per_s=per_s, seconds=1, first=0)
    process.wait(lambda: _count(client) >= sent, within_s=START_S)
    sent += _talk(bench, topic, per_s=per_s, seconds=warm_s, first=sent)
    process.wait(lambda: _count(client) >= sent, within_s=ANSWER_S)
    load, used, started = os.getloadavg()[0], process.cpu_seconds(), time.time()
    sent += _talk(bench, topic, per_s=per_s, seconds=seconds, first=sent)
    process.wait(lambda: _count(client) >= sent, within_s=ANSWER_S)
    visits = _read_visits(client)
    return {
        **_describe([visit for visit in visits if visit[0] >= started * 1000]),
        "p99_of_first_second": _describe(visits[: round(per_s)])["p99"],
        "cores_used": round((process.cpu_seconds() - used) / seconds, 2),
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


def _talk(bench: Bench, topic: str, *, per_s: float, seconds: float, first: int) -> int:
    servers = bench.stack.addresses["kafka"]
    return talk(servers, topic, bench.texts, per_s=per_s, seconds=seconds, first=first)


def _count(client: redis.Redis) -> int:
    return count_entries(client, range(ROOMS))


def count_entries(client: redis.Redis, rooms: Iterable[int]) -> int:
    """Predictions in these rooms' streams."""
    pipeline = client.pipeline(transaction=False)
    for room in rooms:
        pipeline.xlen(f"malgil:room:room-{room}")
    return sum(pipeline.execute())


def _read_visits(client: redis.Redis) -> list[tuple[float, float]]:
    """When each message was sent, and when it was visible, in milliseconds since 1970."""
    visits = []
    for room in range(ROOMS):
        entries: Any = client.xrange(f"malgil:room:room-{room}")
        for entry, fields in entries:
            sent_at = json.loads(fields["prediction"])["sent_at"].replace("Z", "+00:00")
            visits.append((datetime.fromisoformat(sent_at).timestamp() * 1000, float(entry.split("-")[0])))
    return sorted(visits)


def _describe(visits: Sequence[tuple[float, float]]) -> dict[str, Any]:
    sent, visible = np.array(visits).T
    delays, windows = visible - sent, (sent - sent[0]) // (_WINDOW_S * 1000)
    tails = [np.percentile(delays[windows == window], 99) for window in np.unique(windows)]
    names = ("p50", "p95", "p99", "max")
    found = dict(zip(names, np.percentile(delays, (50, 95, 99, 100)).round(), strict=True))
    return {"messages": len(visits), **found, "median_p99_of_windows": float(np.median(tails).round())}
