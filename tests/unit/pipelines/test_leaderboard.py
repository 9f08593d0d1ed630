"""The leaderboard's table and page."""

from dataclasses import replace
from datetime import datetime, timezone

from pipelines.evaluation import CalibrationBin, Confusion, Evaluation, IntentScore
from pipelines.leaderboard import (
    Entry,
    Leaderboard,
    format_table,
    measure_rows_per_s,
    rank_entries,
    render_leaderboard,
    to_metrics,
)

CNN = Entry("cnn", "3", 0.861, 0.8432, 0.81, 0.0213, 11_204.4, 25_000.0, 3_650_000, 14.61, 61.2, share=0.4)
MEAN = Entry("ensemble", "4", 0.875, 0.8569, 0.82, 0.0301, 0, 9_000.0, 7_300_000, 29.2, 3.0)
TEST = Evaluation(
    rows=2,
    accuracy=0.5,
    macro_f1=0.5,
    calibration_error=0.1,
    intents=(IntentScore("a<b>", 1, 1.0, 1.0, 1.0), IntentScore("c", 1, 0.0, 0.0, 0.0)),
    confusions=(Confusion("a<b>", "a<b>", 1), Confusion("c", "a<b>", 1)),
    bins=(CalibrationBin(0.9, 1.0, count=2, confidence=0.95, accuracy=0.5),),
)


def test_the_best_on_the_validation_split_stands_first() -> None:
    assert [entry.name for entry in rank_entries([CNN, MEAN])] == ["ensemble", "cnn"]


def test_columns_are_aligned_and_what_was_not_trained_has_no_rate() -> None:
    head, first, second = format_table([MEAN, CNN])
    assert len(head) == len(first) == len(second)
    assert first.split() == ["ensemble", "87.5", "85.7", "82.0", "0.030", "9,000", "7,300,000", "29.2", "3"]
    assert second.split()[1:6] == ["86.1", "84.3", "81.0", "0.021", "11,204"]


def test_the_page_lets_no_markup_in_and_needs_nothing_beside_itself() -> None:
    histories = {"cnn": [{"validation_accuracy": 0.7}, {"validation_accuracy": 0.86}]}
    now = datetime(2026, 5, 1, tzinfo=timezone.utc)
    rows = {"train": 9000, "validation": 1000, "test": 2}
    page = render_leaderboard(Leaderboard("<script>", "run", now, "abc", rows, [MEAN, CNN], histories, TEST))
    assert "<script>" not in page
    assert "a<b>" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.count("<svg") == 3
    assert "9,000 training" in page


def test_numbers_have_names_that_mlflow_takes() -> None:
    assert to_metrics(replace(CNN, share=None))["cnn.accuracy"] == 0.8432
    assert "cnn.share" not in to_metrics(replace(CNN, share=None))


def test_speed_is_of_all_rows() -> None:
    calls = []
    assert measure_rows_per_s(calls.append, "rows", count=10**9) > 10**9
    assert calls == ["rows"] * 6
