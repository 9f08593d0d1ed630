"""What live prediction says of itself while it runs: one JSON line of numbers every few seconds."""

import ast
import json
import time
from typing import Any

from pyspark import Accumulator
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.io.live_releases import LiveReleases
from pipelines.io.progress import Progress
from pipelines.live_counts import Counts, describe_counts
from pipelines.live_drift import LiveDrift


class LiveReport:
    """All counts are since the start of the job; `rows_per_s` is of the time since the line before."""

    def __init__(
        self,
        counts: Accumulator[Counts],
        releases: LiveReleases,
        drift: LiveDrift,
        progress: Progress,
        *,
        every_s: float,
    ) -> None:
        self._counts, self._releases, self._drift = counts, releases, drift
        self._progress, self._every_s = progress, every_s
        self._written_at, self._read = time.monotonic(), 0
        self._offsets = ReadOffsets()

    def tick(self, query: StreamingQuery) -> None:
        """Tell how far it is, and write a line if it is time to."""
        self._offsets.tick(query)
        elapsed_s, numbers, lag = time.monotonic() - self._written_at, self.summarize(), read_lag(query)
        rate = round((numbers["read"] - self._read) / max(elapsed_s, 1e-3), 1)
        facts = {"lag": lag, "offsets": numbers.pop("offsets")}
        self._progress.count("predict_stream", numbers["read"], rate, **facts)
        if elapsed_s >= self._every_s:
            self._written_at, self._read = time.monotonic(), numbers["read"]
            self._progress.note(json.dumps({**numbers, "rows_per_s": rate, "lag": lag}, ensure_ascii=False))

    def summarize(self) -> dict[str, Any]:
        """The counts, Kafka's offsets, the version in each slot, those refused and why, and each one's drift."""
        counts = describe_counts(self._counts.value.copy())
        return {
            **counts, "offsets": self._offsets.describe(), "slots": self._releases.slots,
            "refused_models": self._releases.refused, "drift": self._drift.describe(),
        }  # fmt: skip


def read_lag(query: StreamingQuery) -> int | None:
    """Messages of one partition that Kafka holds behind the last micro-batch, at most; None before the first."""
    progress: Any = query.lastProgress
    lags = [source["metrics"].get("maxOffsetsBehindLatest") for source in progress["sources"]] if progress else []
    return max((int(lag) for lag in lags if lag is not None), default=None)


class ReadOffsets:
    """What a query read of Kafka since the job's start."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], int | None] = {}
        self._next: dict[tuple[str, str], int] = {}

    def tick(self, query: StreamingQuery) -> None:
        """Take in the newest micro-batch, at first all that there were."""
        newest: Any = [query.lastProgress] if self._next else query.recentProgress
        for source in (source for progress in newest if progress for source in progress["sources"]):
            begun, ended = _parse_offsets(source["startOffset"]), _parse_offsets(source["endOffset"])
            self._first = {**{place: begun.get(place) for place in ended}, **self._first}
            self._next |= ended

    def describe(self) -> dict[str, dict[str, list[int | None]]]:
        """Topic to partition to the first offset and the one behind the last.

        The first is null where there was no checkpoint: `live.starting_offsets` said where to begin.
        """
        offsets: dict[str, dict[str, list[int | None]]] = {}
        for (topic, partition), behind in sorted(self._next.items()):
            offsets.setdefault(topic, {})[partition] = [self._first[topic, partition], behind]
        return offsets


def _parse_offsets(told: str) -> dict[tuple[str, str], int]:
    """PySpark tells Spark's JSON as Python writes it, None before the first micro-batch."""
    topics = ast.literal_eval(told) or {}
    return {(topic, partition): behind for topic, found in topics.items() for partition, behind in found.items()}
