"""Metrics over HTTP: there while the block lasts, and a clear error where they cannot be."""

from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from pipelines.errors import MalgilError
from pipelines.io.metrics_server import serve_metrics


class Growing(Collector):
    def __init__(self) -> None:
        self.value = 1

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily("malgil_grown", "what grows", value=self.value)


def test_each_scrape_is_of_now_and_none_comes_behind_the_block() -> None:
    grown = Growing()
    with serve_metrics(grown, host="127.0.0.1", port=0) as url:
        first = urlopen(url).read()
        grown.value = 2
        second = urlopen(url).read()
    assert b"malgil_grown_total 1.0" in first
    assert b"malgil_grown_total 2.0" in second
    with pytest.raises(URLError):
        urlopen(url)


def test_a_port_that_is_taken_is_told() -> None:
    with serve_metrics(Growing(), host="127.0.0.1", port=0) as url:
        port = int(url.removesuffix("/metrics").rpartition(":")[2])
        with (
            pytest.raises(MalgilError, match=rf"received 127.0.0.1:{port}: Address already in use; set others"),
            serve_metrics(Growing(), host="127.0.0.1", port=port),
        ):
            pass
