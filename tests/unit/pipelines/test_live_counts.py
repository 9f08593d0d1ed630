"""The numbers of live prediction: they add up, and percentiles are never too low."""

import pytest

from pipelines.live_counts import CountsParam, count_outcomes, describe_counts
from pipelines.live_prediction import DeadLetter, Outcomes, Prediction


def outcomes(delays_ms: list[float | None], reasons: list[str], others: int = 0, version: str = "7") -> Outcomes:
    predictions = [Prediction("m", "방1", version, "{}", delay_ms) for delay_ms in delays_ms]
    return Outcomes(predictions, [DeadLetter("방1", reason, "{}") for reason in reasons], others)


def test_counts_of_several_batches_add_up() -> None:
    param = CountsParam()
    counts = count_outcomes(outcomes([100, 100], ["pii_only"], 1), repeated=0)
    counts = param.addInPlace(
        counts, count_outcomes(outcomes([None], ["pii_only", "too_short"], version="8"), repeated=1)
    )
    assert describe_counts(param.addInPlace(param.zero(counts), counts)) == {
        "read": 7, "predictions": 3, "dead_letters": {"pii_only": 2, "too_short": 1}, "other_speakers": 1,
        "repeated": 1, "models": {"7": 2, "8": 1}, "delay_ms": {"p50": 107, "p95": 107, "p99": 107},
    }  # fmt: skip


def test_percentiles_are_upper_bounds_of_at_most_a_tenth_more() -> None:
    delays: list[float | None] = [float(delay) for delay in range(1, 10_001)]
    found = describe_counts(count_outcomes(outcomes(delays, []), repeated=0))["delay_ms"]
    for name, exact in {"p50": 5_000, "p95": 9_500, "p99": 9_900}.items():
        assert exact <= found[name] <= 1.1 * exact


@pytest.mark.parametrize("delay_ms", [-5_000.0, 0.0])
def test_a_clock_that_runs_behind_counts_as_no_delay(delay_ms: float) -> None:
    counts = count_outcomes(outcomes([delay_ms], []), repeated=0)
    assert describe_counts(counts)["delay_ms"]["p99"] == 1


def test_nothing_read_has_no_percentiles() -> None:
    numbers = describe_counts(count_outcomes(outcomes([], []), repeated=0))
    assert (numbers["read"], numbers["models"], numbers["delay_ms"]["p50"]) == (0, {}, None)
