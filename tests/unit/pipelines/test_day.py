"""The day that a run is about."""

from datetime import date

import pytest

from pipelines.day import parse_span, settle_day
from pipelines.settings import SettingsError, load_settings

TODAY = date(2026, 5, 2)


@pytest.mark.parametrize("day", ["2026-05-01", "yesterday"])
def test_it_stands_in_the_path_in_the_generated_messages_and_ends_the_feedback(day: str) -> None:
    settings = settle_day(load_settings([f"day={day}", "input.path=hdfs://h:1/day={day}/*"]), today=TODAY)
    assert (settings.day, settings.input.path) == ("2026-05-01", "hdfs://h:1/day=2026-05-01/*")
    assert (settings.generator.day, settings.feedback.until) == ("2026-05-01", "2026-05-02")


def test_what_is_said_of_the_parts_stays_and_no_day_changes_nothing() -> None:
    said = ["generator.day=2026-01-01", "feedback.until=2026-03-01"]
    settings = settle_day(load_settings(["day=today", *said]), today=TODAY)
    assert (settings.day, settings.generator.day, settings.feedback.until) == ("2026-05-02", "2026-01-01", "2026-03-01")
    assert settle_day(load_settings([]), today=TODAY) == load_settings([])


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (["input.path=chat/{day}"], r"^day: expected one for \{day\} in input.path, received none; set day=yesterday"),
        (["day=tomorrow"], "^day: expected YYYY-MM-DD, today or yesterday, received 'tomorrow'"),
    ],
)
def test_what_is_no_day_is_refused(settings: list[str], line: str) -> None:
    with pytest.raises(SettingsError, match=line):
        settle_day(load_settings(settings), today=TODAY)


def test_a_span_has_both_its_ends() -> None:
    days = [date(2026, 4, 30), date(2026, 5, 1), date(2026, 5, 2)]
    assert parse_span("2026-04-30..today", today=TODAY) == days
    assert parse_span("2026-05-01..2026-05-01", today=TODAY) == days[1:2]


@pytest.mark.parametrize("span", ["2026-05-01", "2026-05-02..2026-05-01", "2026-05-01..2026-05-03", "a..b"])
def test_a_span_that_is_none_or_is_to_come_is_refused(span: str) -> None:
    with pytest.raises(SettingsError, match="expected"):
        parse_span(span, today=TODAY)
