"""The numbers of a running predict_stream, read from where Prometheus reads them, as a page shows them."""

import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from pipelines.drift import Drift, Window
from pipelines.errors import MalgilError

_PREFIX = "malgil_live_"


@dataclass(frozen=True)
class StreamNumbers:
    """Counts are since the stream's start."""

    read: float
    predictions: Mapping[str, float]  # by version
    dead_letters: Mapping[str, float]  # by reason
    lag: Mapping[str, float]  # messages not read yet, by partition
    slots: Mapping[str, str]  # the version in each
    refused: tuple[str, ...]  # versions
    delays_s: Mapping[str, float | None]  # p50, p95 and p99; None before the first prediction, or where too long
    batch_rows: float | None  # of the last micro-batch
    batch_s: Mapping[str, float]  # its phases
    drift: Mapping[str, Window]  # by version; none where the stream measured none yet


def metrics_url(host: str, port: int) -> str | None:
    """Where a stream with these settings tells its numbers; None where it takes any free port."""
    reached = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return f"http://{reached}:{port}/metrics" if port else None


def read_stream_numbers(url: str, *, timeout_s: float) -> StreamNumbers:
    """Raises MalgilError where nobody answers with metrics there."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            text = answer.read().decode()
    except (OSError, urllib.error.URLError) as error:
        raise MalgilError(
            f"live.metrics_port: expected predict_stream's metrics at {url}, received {type(error).__name__}; start it "
            "with the same live.metrics_host and live.metrics_port as the console"
        ) from error
    return parse_stream_numbers(text)


def parse_stream_numbers(text: str) -> StreamNumbers:
    """The metrics in Prometheus's text format as numbers; those that are missing are empty."""
    found: dict[str, list[Sample]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name.removeprefix(_PREFIX)].append(sample)
    buckets = [(float(sample.labels["le"]), sample.value) for sample in found["delay_seconds_bucket"]]
    return StreamNumbers(
        read=sum(sample.value for sample in found["read_total"]),
        predictions=_by_label(found["predictions_total"], "version"),
        dead_letters=_by_label(found["dead_letters_total"], "reason"),
        lag=_by_label(found["lag_messages"], "partition"),
        slots={sample.labels["slot"]: sample.labels["version"] for sample in found["slot"]},
        refused=tuple(sample.labels["version"] for sample in found["refused_model"]),
        delays_s={f"p{round(100 * share)}": find_quantile(buckets, share) for share in (0.5, 0.95, 0.99)},
        batch_rows=next((sample.value for sample in found["batch_rows"]), None),
        batch_s=_by_label(found["batch_seconds"], "phase"),
        drift=_read_drift(found),
    )


def find_quantile(buckets: Iterable[tuple[float, float]], share: float) -> float | None:
    """The upper bound of the bucket in which the share is reached; None of an empty or an unbounded one.

    `buckets` are cumulative counts by upper bound.
    """
    ordered = sorted(buckets)
    total = ordered[-1][1] if ordered else 0
    bound = next((bound for bound, count in ordered if total and count >= share * total), None)
    return None if bound == float("inf") else bound


def _read_drift(found: Mapping[str, Sequence[Sample]]) -> dict[str, Window]:
    traits: dict[str, dict[str, Drift]] = defaultdict(dict)
    for psi, chance in zip(found["malgil_drift_psi"], found["malgil_drift_psi_by_chance"], strict=True):
        traits[psi.labels["version"]][psi.labels["feature"]] = Drift(psi.value, chance.value)
    rows = _by_label(found["malgil_drift_rows"], "version")
    return {version: Window(int(count), traits[version]) for version, count in rows.items()}


def _by_label(samples: Iterable[Sample], label: str) -> dict[str, float]:
    return {sample.labels[label]: sample.value for sample in samples}
