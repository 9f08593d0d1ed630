"""What predictions by HTTP tell Prometheus, and the job's summary of the same numbers. No metric holds a text."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from pipelines.live_metrics import describe_models

# Outcomes; others are reasons why a message cannot be predicted
PREDICTED, OVERLOADED, FAILED, GONE = "predicted", "overloaded", "failed", "gone"
_PREFIX = "malgil_http"
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class HttpMetrics:
    """Counts since the start of the server. `slots` and `refused` are asked when somebody looks."""

    def __init__(self, slots: Callable[[], Mapping[str, str | None]], refused: Callable[[], Mapping[str, str]]) -> None:
        self._registry = CollectorRegistry()
        self._outcomes = Counter(
            f"{_PREFIX}_requests", "Requests for a prediction", ["outcome"], registry=self._registry
        )
        self._versions = Counter(f"{_PREFIX}_predictions", "Predictions", ["version"], registry=self._registry)
        self.seconds = Histogram(
            f"{_PREFIX}_seconds", "From a request to its answer", buckets=_SECONDS, registry=self._registry
        )
        self.batch_rows = Histogram(
            f"{_PREFIX}_batch_rows", "Messages predicted together", buckets=_ROWS, registry=self._registry
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


@dataclass(frozen=True, eq=False)
class _ModelMetrics(Collector):
    slots: Callable[[], Mapping[str, str | None]]
    refused: Callable[[], Mapping[str, str]]

    def collect(self) -> Iterable[Metric]:
        return describe_models(self.slots(), self.refused(), prefix=_PREFIX)


def _read(counter: Counter, label: str) -> dict[str, int]:
    samples = [sample for metric in counter.collect() for sample in metric.samples if sample.name.endswith("_total")]
    return {sample.labels[label]: int(sample.value) for sample in samples}
