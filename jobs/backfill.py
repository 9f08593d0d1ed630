"""Past days filled up one after another: `jobs run nightly --backfill 2026-05-01..2026-05-07`."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

from jobs.run_control import Plan, plan_spec, read_plan, run_plan
from jobs.submission import Summary, is_property
from pipelines.day import KOREA, PLACE, parse_span
from pipelines.errors import MalgilError
from pipelines.io.run_records import list_records, tell_settings
from pipelines.io.store import Store, content_id
from pipelines.settings import load_settings


def run_backfill(name: str, more: Sequence[str], span: str, *, tell: Callable[[str], None]) -> tuple[int, Summary]:
    """Run the spec for each day of the span, but those that a run with the same settings succeeded with.

    The first day that does not succeed ends it, as later ones build on what stands: the same command goes on there.
    The exit code, and how each day went. Raises MalgilError for what is no span, and for an input without `{day}`.
    """
    days = parse_span(span, today=datetime.now(KOREA).date())
    plans = {day.isoformat(): plan_spec(name, [*more, f"day={day}"]) for day in days}
    job = next(iter(plans.values())).spec.job
    went: dict[str, str] = {}
    for day, plan in plans.items():
        _check_differs(plan)
        if _is_done(plan):
            tell(f"{job} of {day}: done before")
            went[day] = "done before"
            continue
        tell(f"{job} of {day}")
        code, summary = run_plan(plan, tell=tell)
        went[day] = summary["status"]
        if code:
            return code, {"job": job, "status": summary["status"], "error": summary.get("error"), "days": went}
    return 0, {"job": job, "status": "succeeded", "days": went}


def _is_done(plan: Plan) -> bool:
    settings = read_plan(plan)
    wanted = content_id(tell_settings(asdict(settings)))
    records = list_records(Store(settings.store), plan.spec.job)
    return any(record.settings_id == wanted and record.status == "succeeded" for record in records)


def _check_differs(plan: Plan) -> None:
    named = [one for one in plan.arguments if not is_property(one)]
    given = load_settings(named, conf=plan.spec.conf).input.path
    if given and PLACE not in given:
        raise MalgilError(f"--backfill: expected {PLACE} in input.path, found {given!r}: each day would be the same")
