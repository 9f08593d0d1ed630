"""Metrics of live prediction: what Prometheus reads, and that the dashboard and the alerts ask for nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from pipelines.drift import Drift, Window
from pipelines.io.http_metrics import HttpMetrics
from pipelines.live_counts import Counts, count_outcomes
from pipelines.live_metrics import describe_drift, describe_metrics
from pipelines.live_prediction import DeadLetter, Outcomes, Prediction

CONF = Path(__file__).resolve().parents[3] / "conf"
DASHBOARD, ALERTS = CONF / "grafana" / "predict_stream.json", CONF / "prometheus" / "alerts.yaml"
PROGRESS = {
    "batchId": 41,
    "numInputRows": 7,
    "durationMs": {"addBatch": 90, "triggerExecution": 125},
    "sources": [
        {
            "latestOffset": {"chat.messages": {"0": 120, "1": 80}},
            "endOffset": {"chat.messages": {"0": 100, "1": 80}},
        }
    ],
}


class Described(Collector):
    def __init__(self, counts: Counts, progress: dict[str, Any] | None, refused: list[str]) -> None:
        self._counts, self._progress, self._refused = counts, progress, refused

    def collect(self) -> Iterator[Metric]:
        yield from describe_metrics(self._counts, self._progress, slots={"production": "7"}, refused=self._refused)
        yield from describe_drift({"7": Window(5_000, {"intent": Drift(0.3, 0.02)})} if self._progress else {})


def scrape(counts: Counts, progress: dict[str, Any] | None, refused: list[str]) -> dict[tuple[str, str], float]:
    """Each sample by its name and its first label's value."""
    registry = CollectorRegistry()
    registry.register(Described(counts, progress, refused))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    samples = (sample for family in families for sample in family.samples if not sample.name.endswith("_created"))
    return {(sample.name, next(iter(sample.labels.values()), "")): sample.value for sample in samples}


@pytest.fixture
def counts() -> Counts:
    predictions = [Prediction("m", "방1", "7", "{}", delay_ms) for delay_ms in (200.0, 300.0, 9_000.0, None, -50.0)]
    outcomes = Outcomes(predictions, [DeadLetter("방1", "pii_only", "{}")], 2)
    return count_outcomes(outcomes, repeated=1)


def test_a_scrape_tells_all_counts(counts: Counts) -> None:
    found = scrape(counts, PROGRESS, ["8"])
    delays = {le: value for (name, le), value in found.items() if name == "malgil_live_delay_seconds_bucket"}
    assert {key: value for key, value in found.items() if not key[0].endswith("_bucket")} == {
        ("malgil_live_read_total", ""): 8,
        ("malgil_live_other_speakers_total", ""): 2,
        ("malgil_live_repeated_total", ""): 1,
        ("malgil_live_predictions_total", "7"): 5,
        ("malgil_live_dead_letters_total", "pii_only"): 1,
        ("malgil_live_delay_seconds_count", ""): 4,
        ("malgil_live_delay_seconds_sum", ""): 9.5,
        ("malgil_live_slot", "production"): 1,
        ("malgil_live_refused_model", "8"): 1,
        ("malgil_live_batches_total", ""): 42,
        ("malgil_live_batch_rows", ""): 7,
        ("malgil_live_batch_seconds", "addBatch"): 0.09,
        ("malgil_live_batch_seconds", "triggerExecution"): 0.125,
        ("malgil_live_sent_total", "0"): 120,
        ("malgil_live_sent_total", "1"): 80,
        ("malgil_live_lag_messages", "0"): 20,
        ("malgil_live_lag_messages", "1"): 0,
        ("malgil_drift_psi", "intent"): 0.3,
        ("malgil_drift_psi_by_chance", "intent"): 0.02,
        ("malgil_drift_rows", "7"): 5_000,
    }
    assert delays["+Inf"] == 4
    for delay_s, below in ((0.2, 1), (0.3, 2), (9.0, 3)):  # a bucket's edge is at most a tenth above its delays
        assert all(value <= below for le, value in delays.items() if float(le) < delay_s)
        assert all(value > below for le, value in delays.items() if float(le) > delay_s * 1.1)


def test_before_the_first_micro_batch_there_are_counts_only() -> None:
    found = scrape(Counts(), None, [])
    assert found["malgil_live_read_total", ""] == found["malgil_live_delay_seconds_count", ""] == 0
    assert not [name for name, _ in found if "batch" in name or "lag" in name]


def test_a_source_that_has_read_nothing_lags_by_all() -> None:
    source = {"latestOffset": {"chat.messages": {"0": 120}}, "endOffset": None}
    assert scrape(Counts(), {**PROGRESS, "sources": [source]}, [])["malgil_live_lag_messages", "0"] == 120


def test_the_dashboard_asks_for_metrics_that_there_are_and_for_all_of_them(counts: Counts) -> None:
    expressions = [
        target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel["targets"]
    ]
    asked = {name for expression in expressions for name in re.findall(r"malgil_(?:live|drift)_\w+", expression)}
    told = {name for name, _ in scrape(counts, PROGRESS, ["8"])}
    assert asked == told - {"malgil_live_delay_seconds_count", "malgil_live_delay_seconds_sum"}


def test_the_alerts_ask_for_metrics_that_there_are_and_the_guide_has_each(counts: Counts) -> None:
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf8"))["groups"][0]["rules"]
    http = HttpMetrics(dict, lambda: {"8": "broken"})
    http.count("predicted")
    told = {name for name, _ in scrape(counts, PROGRESS, ["8"])} | set(
        re.findall(r"malgil_http_\w+", http.write().decode())
    )
    asked = {name for rule in rules for name in re.findall(r"malgil_\w+", rule["expr"])}
    guide = (CONF.parent / "docs" / "operate.md").read_text(encoding="utf8")
    assert asked <= told
    assert [rule["alert"] for rule in rules if f"`{rule['alert']}`" not in guide] == []
