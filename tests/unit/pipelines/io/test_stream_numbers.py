"""The stream's metrics as a page shows them."""

import pytest

from pipelines.console_rendering import Pages
from pipelines.drift import Drift, Window
from pipelines.errors import MalgilError
from pipelines.io.console_access import Visitor
from pipelines.io.stream_numbers import (
    find_quantile,
    metrics_url,
    parse_stream_numbers,
    read_stream_numbers,
)

METRICS = """\
# TYPE malgil_live_read counter
malgil_live_read_total 12.0
# TYPE malgil_live_predictions counter
malgil_live_predictions_total{version="3"} 7.0
malgil_live_predictions_total{version="4"} 2.0
# TYPE malgil_live_dead_letters counter
malgil_live_dead_letters_total{reason="pii_only"} 3.0
# TYPE malgil_live_slot gauge
malgil_live_slot{slot="production",version="4"} 1.0
# TYPE malgil_live_refused_model gauge
malgil_live_refused_model{version="5"} 1.0
# TYPE malgil_live_lag_messages gauge
malgil_live_lag_messages{partition="0"} 1.0
# TYPE malgil_drift_psi gauge
malgil_drift_psi{feature="intent",version="4"} 0.31
# TYPE malgil_drift_psi_by_chance gauge
malgil_drift_psi_by_chance{feature="intent",version="4"} 0.02
# TYPE malgil_drift_rows gauge
malgil_drift_rows{version="4"} 5000.0
# TYPE malgil_live_delay_seconds histogram
malgil_live_delay_seconds_bucket{le="0.1"} 0.0
malgil_live_delay_seconds_bucket{le="0.25"} 8.0
malgil_live_delay_seconds_bucket{le="+Inf"} 9.0
malgil_live_delay_seconds_count 9.0
malgil_live_delay_seconds_sum 2.0
"""


def test_metrics_are_read_by_their_labels() -> None:
    numbers = parse_stream_numbers(METRICS)
    assert (numbers.read, numbers.predictions, numbers.dead_letters) == (12, {"3": 7, "4": 2}, {"pii_only": 3})
    assert (numbers.slots, numbers.refused, numbers.lag) == ({"production": "4"}, ("5",), {"0": 1})
    assert numbers.delays_s == {"p50": 0.25, "p95": None, "p99": None}
    assert (numbers.batch_rows, numbers.batch_s) == (None, {})
    assert numbers.drift == {"4": Window(5000, {"intent": Drift(0.31, 0.02)})}
    page = Pages().render(
        "stream", "en", numbers=numbers, line="", url="u", path="/stream", visitor=Visitor("c", None, False, ""),
        needs_token=False, form_token="f",
    )  # fmt: skip
    assert "large</span> 0.310" in page
    assert "≤ 250 ms" in page


def test_a_quantile_is_the_bound_of_its_bucket() -> None:
    assert find_quantile([(0.5, 100), (0.1, 50)], 0.5) == 0.1
    assert find_quantile([(0.5, 100), (0.1, 50)], 0.51) == 0.5
    assert find_quantile([(0.5, 0)], 0.5) is None
    assert find_quantile([], 0.5) is None


def test_a_stream_that_does_not_answer_is_one_clear_line() -> None:
    assert metrics_url("0.0.0.0", 9401) == "http://127.0.0.1:9401/metrics"
    assert metrics_url("127.0.0.1", 0) is None
    with pytest.raises(
        MalgilError, match=r"live\.metrics_port: expected predict_stream's metrics at http://127\.0\.0\.1:9/"
    ):
        read_stream_numbers("http://127.0.0.1:9/metrics", timeout_s=1)
