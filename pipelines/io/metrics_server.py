"""The numbers of a running live job over HTTP, for Prometheus."""

import json
import logging
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from pyspark import Accumulator
from pyspark.sql.streaming.query import StreamingQuery

from pipelines.errors import MalgilError
from pipelines.io.live_releases import LiveReleases
from pipelines.live_counts import Counts
from pipelines.live_drift import LiveDrift
from pipelines.live_metrics import describe_drift, describe_metrics

log = logging.getLogger(__name__)


class LiveMetrics(Collector):
    """Live prediction's metrics; it keeps the last micro-batch's progress and nothing else."""

    def __init__(self, counts: Accumulator[Counts], releases: LiveReleases, drift: LiveDrift) -> None:
        self._counts, self._releases, self._drift = counts, releases, drift
        self._progress: Any = None

    def tick(self, query: StreamingQuery) -> None:
        """Look at the query's progress: a scrape asks nobody."""
        progress = query.lastProgress
        self._progress = json.loads(progress.json) if progress else None  # PySpark's own offsets are no JSON

    def collect(self) -> Iterable[Metric]:
        slots, refused = self._releases.slots, self._releases.refused
        yield from describe_metrics(self._counts.value.copy(), self._progress, slots=slots, refused=refused)
        yield from describe_drift(self._drift.windows)


@contextmanager
def serve_metrics(metrics: Collector, *, host: str, port: int) -> Iterator[str]:
    """The URL at which the metrics are, as long as the block lasts; with port 0 a free one.

    Raises MalgilError where the address cannot be listened at.
    """
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise MalgilError(
            f"live.metrics_host, live.metrics_port: expected an address to listen at, received {host}:{port}: "
            f"{error.strerror}; set others, or port 0 for a free one"
        ) from error
    shown = socket.getfqdn() if host in ("0.0.0.0", "::") else host  # on a cluster, whichever node the driver is on
    url = f"http://{shown}:{server.server_port}/metrics"
    log.info("metrics at %s", url)
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
