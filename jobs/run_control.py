"""Runs begun by a job spec, cancelled, and done again: what `jobs run`, `jobs cancel` and `jobs retry` do.

A console uses the same: `start_run` and `cancel_run` return at once, or in seconds.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from jobs.job_spec import JobSpec, load_spec
from jobs.queue_turn import turn_in_queue
from jobs.shell_run import run_job
from jobs.submission import PROJECT, Summary, end_application, is_property, make_run_id, needs_spark
from pipelines.day import KOREA, settle_day
from pipelines.errors import MalgilError
from pipelines.io.driver_process import end_process
from pipelines.io.run_records import RunRecord, Submitted, find_run, note_end
from pipelines.io.spark_properties import merge_properties
from pipelines.io.store import Store
from pipelines.settings import Settings, load_settings

_PATIENCE_S = 60.0  # for a driver to end by itself: a live one finishes its micro-batch
_HIDDEN = "…@"  # what a record has instead of a password in a URL


@dataclass(frozen=True)
class Plan:
    """A run that is to be."""

    spec: JobSpec
    arguments: tuple[str, ...]  # the spec's settings, and those given beside it
    name: str = ""  # the spec's; empty of a run that is done again without one
    retry_of: str = ""


def plan_spec(name: str, more: Sequence[str] = ()) -> Plan:
    """A run of a job spec, with further settings over the spec's. Raises MalgilError for what does not exist."""
    spec = load_spec(name)
    return _check(Plan(spec, (*spec.arguments, *more), name))


def plan_retry(store: Store, run_id: str, more: Sequence[str] = ()) -> Plan:
    """A run like the one of this id, by the same spec if it was begun by one.

    Raises MalgilError where the record does not have all of its settings: a password in a URL has to be given again.
    """
    record = find_run(store, run_id)
    begun, given = record.submission, {argument.partition("=")[0] for argument in more}
    lacking = [one.partition("=")[0] for one in begun.arguments if _HIDDEN in one]
    if missing := [name for name in lacking if name not in given]:
        raise MalgilError(
            f"run {run_id}: its record leaves out the password in {', '.join(missing)}; "
            f"give it again: jobs retry {run_id} {missing[0]}=…"
        )
    day = (f"day={record.settings['day']}",) if record.settings.get("day") else ()  # yesterday is another one by now
    kept = tuple(one for one in (*begun.arguments, *day) if one.partition("=")[0] not in given)
    spec = load_spec(begun.spec) if begun.spec else JobSpec(job=record.job, conf=begun.conf)
    return _check(Plan(spec, (*kept, *more), begun.spec, retry_of=run_id))


def run_plan(plan: Plan, *, run_id: str = "", tell: Callable[[str], None]) -> tuple[int, Summary]:
    """Run it to its end, again after a failure as the spec says; the exit code and the summary of the last attempt.

    From the main thread, which takes the signals. A run that was cancelled, or whose time was over, is not tried again.
    """
    first, spec = run_id or make_run_id(), plan.spec
    for attempt in range(1, spec.retries + 2):
        run_id = first if attempt == 1 else f"{first}-{attempt}"
        code, summary = _attempt(plan, run_id, attempt, tell)
        if summary["status"] != "failed" or attempt > spec.retries:
            break
        pause_s = spec.backoff_s * 2 ** (attempt - 1)
        tell(f"{run_id} failed; {spec.retries + 1 - attempt} more to try, the next in {pause_s:g} s")
        time.sleep(pause_s)
    return code, {**summary, "attempts": attempt}


def start_run(arguments: Sequence[str]) -> str:
    """Begin `jobs run …` or `jobs retry …` as a process of its own, which outlives this one; the run's id.

    What it says stands in var/logs/<run_id>.log, a refusal and its waiting in a queue as well. The run's record comes
    when its driver starts.
    """
    run_id = make_run_id()
    log = PROJECT / "var" / "logs" / f"{run_id}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "jobs", "jobs", *arguments, "--run-id", run_id]
    with log.open("ab") as output:
        subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    return run_id


def cancel_run(store: Store, run_id: str) -> RunRecord:
    """End a run; its record, which says `cancelled`, or how it ended by itself just now.

    On this machine its driver gets SIGTERM (and SIGKILL after a minute), on a node of YARN the application is killed.
    A live job finishes its micro-batch first and has then succeeded. Raises MalgilError for a run that has ended, and
    one that cannot be reached from here.
    """
    record = find_run(store, run_id)
    if record.status != "started":
        raise MalgilError(f"run {run_id}: expected one that runs, found it {record.status} since {record.ended_at}")
    _end(record)
    return note_end(store, record.job, run_id, "cancelled by jobs cancel") or record


def _end(record: RunRecord) -> None:
    application = record.application or ""
    if record.driver and record.driver.is_here:
        end_process(record.driver, patience_s=_PATIENCE_S)
    elif not application.startswith("application_"):
        host = record.driver.host if record.driver else "a machine that its record does not name"
        raise MalgilError(f"run {record.run_id}: it runs on {host}, which is not this machine; cancel it there")
    elif not end_application(application):
        raise MalgilError(f"run {record.run_id}: YARN did not end {application}; see the line above")


def _attempt(plan: Plan, run_id: str, attempt: int, tell: Callable[[str], None]) -> tuple[int, Summary]:
    spec = plan.spec
    begun = Submitted(
        arguments=plan.arguments, conf=spec.conf, spec=plan.name, queue=spec.queue, attempt=attempt,
        retry_of=plan.retry_of, notify=tuple(spec.notify),
    )  # fmt: skip
    with _queued(spec, run_id, tell):
        return run_job(
            spec.job, [*_queue_properties(spec), *plan.arguments], conf=spec.conf, run_id=run_id,
            time_limit_s=spec.time_limit_s, begun=asdict(begun),
        )  # fmt: skip


@contextmanager
def _queued(spec: JobSpec, run_id: str, tell: Callable[[str], None]) -> Iterator[None]:
    if _is_on_yarn(spec) or not spec.queue:
        yield
        return
    with turn_in_queue(spec.queue, run_id, tell):
        yield


def _queue_properties(spec: JobSpec) -> list[str]:
    """YARN's own, where the job runs there; settings beside the spec win over them."""
    named = {"spark.yarn.queue": spec.queue, "spark.yarn.priority": spec.priority}
    return [f"{name}={value}" for name, value in named.items() if value] if _is_on_yarn(spec) else []


def _is_on_yarn(spec: JobSpec) -> bool:
    return needs_spark(spec.job) and merge_properties(spec.conf, {}, is_stream=False)["spark.master"] == "yarn"


def read_plan(plan: Plan) -> Settings:
    """The settings that a run of the plan will have. Raises MalgilError for what does not exist."""
    settings = load_settings([one for one in plan.arguments if not is_property(one)], conf=plan.spec.conf)
    return settle_day(settings, today=datetime.now(KOREA).date())


def _check(plan: Plan) -> Plan:
    """With its day as a date, so that all attempts have the same; a wrong setting is not to be found out by each."""
    day = read_plan(plan).day
    return replace(plan, arguments=(*plan.arguments, f"day={day}")) if day else plan
