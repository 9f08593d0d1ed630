"""What a person sees while a job runs: one line a step, with a bar, rows and rows a second."""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, TextIO, cast

from pyspark import SparkContext
from tqdm import tqdm

from pipelines.io.followed_text import FollowedText
from pipelines.io.run_progress import RunProgress, StepNote, count_rows, measure_step

_BAR = "{{desc:<20}} {{bar:24}} {{percentage:3.0f}}%  {state}  {{elapsed}}"
_REFRESH_S = 1.0
_REFRESH_LOG_S = 5.0  # where lines are kept, as in a scheduler's log


# what else is shown of a summary
_FACTS = ("clean", "version", "promoted", "reason", "report", "validation_accuracy", "recipe")


class Step:
    """One line: filled by Spark's finished tasks, or by the step itself when it knows better (`update`)."""

    def __init__(self, bar: "tqdm[Any]") -> None:
        self._bar = bar
        self._started = time.monotonic()
        self._is_driven = False
        self._done, self._total, self._unit, self._rows = 0, 0, "", 0
        self.state = "starting"  # what a log shows where there is no bar

    def update(self, done: int, total: int) -> None:
        """Say how many rows of how many are done. From then on Spark's tasks no longer move the bar."""
        self._is_driven = True
        self._done, self._total, self._unit, self._rows = done, total, "rows", done
        self._show(done / max(total, 1), self._count(done))

    def tell(self, done: int, total: int, state: str) -> None:
        """As `update`, of work that is not counted in rows: `state` says what is done."""
        self._is_driven = True
        self._done, self._total, self._unit = done, total, ""
        self._show(done / max(total, 1), state)

    def update_from_tasks(self, done: int, total: int, rows: int) -> None:
        if not self._is_driven:
            self._done, self._total, self._unit, self._rows = done, total, "tasks", rows
            self._show(done / max(total, 1), self._count(rows))

    def measure(self, name: str) -> RunProgress:
        """How far it is, for the run's record."""
        elapsed_s = time.monotonic() - self._started
        return measure_step(name, self._done, self._total, unit=self._unit, rows=self._rows, elapsed_s=elapsed_s)

    def _count(self, rows: int) -> str:
        rate = rows / max(time.monotonic() - self._started, 1e-3)
        return f"{rows:,} rows  {rate:,.0f} rows/s" if rows else "starting"

    def _show(self, share: float, shown: str) -> None:
        self.state = f"{min(1.0, share):4.0%}  {shown}"
        self._bar.n = min(1.0, share)
        self._bar.bar_format = _BAR.format(state=shown)
        self._bar.refresh()


def silent_step() -> Step:
    """A step that shows nothing, for work that is nobody's step."""
    return Step(tqdm(total=1.0, disable=True))


class Progress:
    """Steps on a stream of its own: MALGIL_PROGRESS names the door's pipe or, in a cluster, a URL; else stderr."""

    def __init__(self, context: SparkContext | None, stream: TextIO | None = None) -> None:
        self._context = context
        self._stream = stream or _open_stream()
        self._is_terminal = os.environ.get("MALGIL_TERMINAL") == "1" or self._stream.isatty()
        self._open: list[tuple[str, Step]] = []
        self._notes: list[StepNote] = []
        self._counted = RunProgress()

    def measure(self) -> RunProgress:
        """How far the run is: the step that it is in, or what a run without steps has counted."""
        under_way = self._open[-1:]  # a copy: the run goes on meanwhile
        now = under_way[0][1].measure(under_way[0][0]) if under_way else self._counted
        return replace(now, steps_done=tuple(note.name for note in self._notes if note.status == "succeeded"))

    def list_steps(self) -> tuple[StepNote, ...]:
        """Those that were begun, in their order."""
        return tuple(self._notes)

    def count(self, name: str, rows: int, rows_per_s: float, **facts: Any) -> None:
        """Of work without an end, which no step shows: what it has done since its start."""
        self._counted = RunProgress(step=name, unit="rows", done=rows, rows=rows, rows_per_s=rows_per_s, facts=facts)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """A line for the time of the block."""
        with tqdm(
            total=1.0,
            desc=name,
            bar_format=_BAR,
            file=self._stream,
            leave=False,
            disable=not self._is_terminal,
        ) as bar:
            step = Step(bar)
            stop = threading.Event()
            watcher = threading.Thread(target=self._watch, args=(name, step, stop), daemon=True)
            watcher.start()
            self._open.append((name, step))
            self._notes.append(StepNote(name, _now()))
            try:
                yield step
            except BaseException as error:
                self._counted = step.measure(name)  # how far it came, for the record
                self._close(name, status="failed" if isinstance(error, Exception) else "cancelled")
                raise
            finally:
                self._open.remove((name, step))
                stop.set()
                watcher.join()

    def finish(self, name: str, seconds: float, summary: Mapping[str, Any]) -> None:
        """The line that stays."""
        self._close(name, status="succeeded", summary=summary)
        print(f"{name:<20} {_outcome(summary, seconds)}", file=self._stream, flush=True)

    def note(self, line: str) -> None:
        """A line of the job's own, which stays."""
        print(line, file=self._stream, flush=True)

    def _close(self, name: str, *, status: str, summary: Mapping[str, Any] | None = None) -> None:
        last = max(number for number, note in enumerate(self._notes) if note.name == name)
        self._notes[last] = replace(self._notes[last], ended=_now(), status=status, summary=summary)

    def _watch(self, name: str, step: Step, stop: threading.Event) -> None:
        seen: dict[int, tuple[int, int]] = {}
        rows, shown_at = 0, time.monotonic()
        while not stop.wait(_REFRESH_S):
            if self._context:  # a job without Spark has no tasks to look at
                rows = max(rows, _poll_stages(self._context, seen))
            done, total = (sum(counts) for counts in zip((0, 0), *seen.values(), strict=True))
            step.update_from_tasks(done, total, rows)
            if not self._is_terminal and time.monotonic() - shown_at >= _REFRESH_LOG_S:
                shown_at = time.monotonic()
                print(f"{name:<20} {step.state}", file=self._stream, flush=True)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()


def _open_stream() -> TextIO:
    target = os.environ.get("MALGIL_PROGRESS")
    if target and "://" in target:
        return cast(TextIO, FollowedText(target))
    return open(target, "w", encoding="utf8") if target else sys.stderr


def _poll_stages(context: SparkContext, seen: dict[int, tuple[int, int]]) -> int:
    """Add what the active stages have done to `seen` (stage: tasks done, tasks); returns their rows so far."""
    rows = 0
    tracker = context.statusTracker()
    for stage in tracker.getActiveStageIds():
        info = tracker.getStageInfo(stage)
        if info:
            seen[stage] = (info.numCompletedTasks, info.numTasks)
            rows = max(rows, _count_rows(context, stage))
    return rows


def _count_rows(context: SparkContext, stage: int) -> int:
    data = context._jsc.sc().statusStore().lastStageAttempt(stage)
    return int(max(data.inputRecords(), data.outputRecords(), data.shuffleReadRecords()))


def _outcome(summary: Mapping[str, Any], seconds: float) -> str:
    """Of a step that ended: its rows and their rate, or what it says of itself."""
    if summary.get("skipped"):
        return "done before, stands"
    rows = count_rows(summary)
    rate = f"{rows:,} rows  {rows / max(seconds, 1e-3):,.0f} rows/s  " if rows else ""
    facts = "  ".join(f"{key} {summary[key]}" for key in _FACTS if key in summary)
    return f"{rate}{facts}{'  ' if facts else ''}{seconds:,.1f} s"
