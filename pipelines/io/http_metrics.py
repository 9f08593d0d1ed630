"""What predictions by HTTP tell Prometheus, and the job's summary of the same numbers. No metric holds a text."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

# Outcomes; others are reasons why a message cannot be predicted
PREDICTED, OVERLOADED, FAILED, GONE = "predicted", "overloaded", "failed", "gone"
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class HttpMetrics:
    """Counts since the start of the server. `slots` and `refused` are asked when somebody looks."""

    def __init__(self, slots: Callable[[], Mapping[str, str | None]], refused: Mapping[str, str]) -> None:
        self._registry = CollectorRegistry()
        self._outcomes = Counter(
            "malgil_http_requests", "Requests for a prediction", ["outcome"], registry=self._registry
        )
        self._versions = Counter("malgil_http_predictions", "Predictions", ["version"], registry=self._registry)
        self.seconds = Histogram(
            "malgil_http_seconds", "From a request to its answer", buckets=_SECONDS, registry=self._registry
        )
        self.batch_rows = Histogram(
            "malgil_http_batch_rows", "Messages predicted together", buckets=_ROWS, registry=self._registry
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(_ModelMetrics(slots, refused))

    def count(self, outcome: str) -> None:
        self._outcomes.labels(outcome).inc()

    def count_prediction(self, version: str) -> None:
        self._versions.labels(version).inc()

    def write(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)

    def summarize(self) -> dict[str, Any]:
        """Requests in all, and by outcome and version."""
        outcomes, models = _read(self._outcomes, "outcome"), _read(self._versions, "version")
        return {"requests": sum(outcomes.values()), "outcomes": outcomes, "models": models}


class _ModelMetrics(Collector):
    def __init__(self, slots: Callable[[], Mapping[str, str | None]], refused: Mapping[str, str]) -> None:
        self._slots, self._refused = slots, refused

    def collect(self) -> Iterator[GaugeMetricFamily]:
        loaded = GaugeMetricFamily("malgil_http_model", "1 for a slot's version", labels=["slot", "version"])
        for slot, version in self._slots().items():
            if version is not None:
                loaded.add_metric([slot, version], 1)
        refused = GaugeMetricFamily("malgil_http_refused_model", "1 for a refused version", labels=["version"])
        for version in list(self._refused):
            refused.add_metric([version], 1)
        yield from (loaded, refused)


def _read(counter: Counter, label: str) -> dict[str, int]:
    samples = [sample for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")]
    return {sample.labels[label]: int(sample.value) for sample in samples}
