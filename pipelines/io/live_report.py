"""What live prediction says of itself while it runs: one JSON line of numbers every few seconds."""

import json
import time
from collections.abc import Callable
from typing import Any

from pyspark import Accumulator
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.io.live_releases import LiveReleases
from pipelines.live_counts import Counts, describe_counts


class LiveReport:
    """All counts are since the start of the job; `rows_per_s` is of the time since the line before."""

    def __init__(
        self,
        counts: Accumulator[Counts],
        releases: LiveReleases,
        write: Callable[[str], None],
        *,
        every_s: float,
    ) -> None:
        self._counts, self._releases, self._write, self._every_s = counts, releases, write, every_s
        self._written_at, self._read = time.monotonic(), 0

    def tick(self, query: StreamingQuery) -> None:
        """Write a line if it is time to."""
        elapsed_s = time.monotonic() - self._written_at
        if elapsed_s < self._every_s:
            return
        numbers = self.summarize()
        rate = round((numbers["read"] - self._read) / elapsed_s, 1)
        self._written_at, self._read = time.monotonic(), numbers["read"]
        self._write(json.dumps({**numbers, "rows_per_s": rate, "lag": read_lag(query)}, ensure_ascii=False))

    def summarize(self) -> dict[str, Any]:
        """The counts, the version in each slot, and those that were refused with the reason."""
        counts = describe_counts(self._counts.value.copy())
        return {**counts, "slots": self._releases.slots, "refused_models": self._releases.refused}


def read_lag(query: StreamingQuery) -> int | None:
    """Messages of one partition that Kafka holds behind the last micro-batch, at most; None before the first."""
    progress: Any = query.lastProgress
    lags = [source["metrics"].get("maxOffsetsBehindLatest") for source in progress["sources"]] if progress else []
    return max((int(lag) for lag in lags if lag is not None), default=None)
