"""Numbers of live prediction as Prometheus has them: made anew at each scrape from what is counted anyway.

Counters and the histogram of delays begin with the job; a Prometheus adds them up over its starts. conf/grafana has a
dashboard of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from pipelines.drift import Window
from pipelines.live_counts import Counts, describe_counts, describe_delays

_Labelled = TypeVar("_Labelled", CounterMetricFamily, GaugeMetricFamily)
_PREFIX = "malgil_live"


def describe_metrics(
    counts: Counts, progress: Mapping[str, Any] | None, *, slots: Mapping[str, str | None], refused: Iterable[str]
) -> Iterator[Metric]:
    """Every metric: of the counts, of the last micro-batch's progress (none before the first), of the models."""
    yield from _describe_counts(counts)
    yield from describe_models(slots, refused, prefix=_PREFIX)
    if progress is not None:
        yield from _describe_batch(progress)
        yield from _describe_partitions(progress["sources"])


def describe_models(slots: Mapping[str, str | None], refused: Iterable[str], *, prefix: str) -> Iterator[Metric]:
    """1 for the version in each slot that has one, and for each refused one."""
    family = GaugeMetricFamily(f"{prefix}_slot", "The version in each slot", labels=["slot", "version"])
    for slot, version in slots.items():
        if version is not None:
            family.add_metric([slot, version], 1)
    yield family
    text = "Versions that failed their checks"
    yield _family(GaugeMetricFamily, "refused_model", text, "version", dict.fromkeys(refused, 1), prefix=prefix)


def describe_drift(windows: Mapping[str, Window]) -> Iterator[Metric]:
    """Of each version's last window: each trait's PSI, what it stays below by chance, and the predictions in it."""
    labels = ["feature", "version"]
    psi = GaugeMetricFamily("malgil_drift_psi", "Population stability index against test messages", labels=labels)
    chance = GaugeMetricFamily("malgil_drift_psi_by_chance", "What it stays below where nothing changed", labels=labels)
    rows = GaugeMetricFamily("malgil_drift_rows", "Predictions in the window", labels=["version"])
    for version, window in windows.items():
        rows.add_metric([version], window.rows)
        for trait, drift in window.traits.items():
            psi.add_metric([trait, version], drift.psi)
            chance.add_metric([trait, version], drift.by_chance)
    yield from (psi, chance, rows)


def _describe_counts(counts: Counts) -> Iterator[Metric]:
    numbers = describe_counts(counts)
    yield CounterMetricFamily(f"{_PREFIX}_read", "Messages read from Kafka", value=numbers["read"])
    text = "Messages of speakers that are not predicted"
    yield CounterMetricFamily(f"{_PREFIX}_other_speakers", text, value=numbers["other_speakers"])
    text = "Predictions that stood in Redis already"
    yield CounterMetricFamily(f"{_PREFIX}_repeated", text, value=numbers["repeated"])
    text = "Predictions by the model's version"
    yield _family(CounterMetricFamily, "predictions", text, "version", numbers["models"])
    text = "Messages that cannot be predicted"
    yield _family(CounterMetricFamily, "dead_letters", text, "reason", numbers["dead_letters"])
    buckets, seconds = describe_delays(counts)
    yield HistogramMetricFamily(f"{_PREFIX}_delay_seconds", "From sent_at to predicted_at", buckets, seconds)


def _describe_batch(progress: Mapping[str, Any]) -> Iterator[Metric]:
    """Of the last micro-batch."""
    phases = {phase: milliseconds / 1000 for phase, milliseconds in progress["durationMs"].items()}
    yield CounterMetricFamily(f"{_PREFIX}_batches", "Micro-batches of the checkpoint", value=progress["batchId"] + 1)
    yield GaugeMetricFamily(f"{_PREFIX}_batch_rows", "Messages of the last micro-batch", value=progress["numInputRows"])
    yield _family(GaugeMetricFamily, "batch_seconds", "Where the last micro-batch's time went", "phase", phases)


def _describe_partitions(sources: Iterable[Mapping[str, Any]]) -> Iterator[Metric]:
    """What Kafka has, and what of it is not read yet."""
    sent: dict[str, float] = {}
    lag: dict[str, float] = {}
    for source in sources:
        latest, read = _offsets(source["latestOffset"]), _offsets(source["endOffset"])
        sent |= latest
        lag |= {place: max(0, offset - read.get(place, 0)) for place, offset in latest.items()}
    yield _family(CounterMetricFamily, "sent", "Messages that Kafka was given", "partition", sent)
    yield _family(GaugeMetricFamily, "lag_messages", "Messages not read yet", "partition", lag)


def _offsets(topics: Mapping[str, Mapping[str, int]] | None) -> dict[str, int]:
    """Of each partition; none of a source that has not read."""
    return {partition: offset for offsets in (topics or {}).values() for partition, offset in offsets.items()}


def _family(
    kind: type[_Labelled], name: str, text: str, label: str, values: Mapping[str, float], *, prefix: str = _PREFIX
) -> Metric:
    family = kind(f"{prefix}_{name}", text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
