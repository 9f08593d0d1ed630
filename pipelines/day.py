"""The day of chat that a run is about: `{day}` in the input's path, and what else a past day must not take from now.

A scheduler says `day=yesterday`; a run that fills a past day up gives what it would have given then.
"""

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from pipelines.settings import Settings, SettingsError

KOREA = ZoneInfo("Asia/Seoul")
PLACE = "{day}"  # what stands for the day in input.path


def settle_day(settings: Settings, *, today: date) -> Settings:
    """The settings with their day as a date, and put where it belongs; unchanged where they have none.

    Corrections count that were filed up to the end of the day, unless `feedback.until` says otherwise. Raises
    SettingsError for what is no day, and for a path that needs one.
    """
    if not settings.day:
        if PLACE in settings.input.path:
            raise SettingsError(
                f"day: expected one for {PLACE} in input.path, received none; set day=yesterday or a date"
            )
        return settings
    day = _parse(settings.day, today)
    return replace(
        settings,
        day=day.isoformat(),
        input=replace(settings.input, path=settings.input.path.replace(PLACE, day.isoformat())),
        generator=replace(settings.generator, day=settings.generator.day or day.isoformat()),
        feedback=replace(settings.feedback, until=settings.feedback.until or (day + timedelta(days=1)).isoformat()),
    )


def parse_span(span: str, *, today: date) -> list[date]:
    """The days FROM..TO, both included. Raises SettingsError for what is no span, or has days that are to come."""
    first, dots, last = span.partition("..")
    if not dots:
        raise SettingsError(f"--backfill: expected FROM..TO, such as 2026-05-01..2026-05-07, received {span!r}")
    begin, end = _parse(first, today), _parse(last, today)
    if not begin <= end <= today:
        raise SettingsError(f"--backfill: expected FROM..TO in this order and up to today, {today}, received {span!r}")
    return [begin + timedelta(days=more) for more in range((end - begin).days + 1)]


def _parse(day: str, today: date) -> date:
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        return named.get(day) or date.fromisoformat(day)
    except ValueError as error:
        raise SettingsError(f"day: expected YYYY-MM-DD, today or yesterday, received {day!r}") from error
