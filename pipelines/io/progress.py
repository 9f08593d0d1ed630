"""What a person sees while a job runs: one line a step, with a bar, rows and rows a second."""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from pyspark import SparkContext
from tqdm import tqdm

_BAR = "{desc:<20} {bar:24} {percentage:3.0f}%{postfix}  {elapsed}"
_REFRESH_S = 1.0
_REFRESH_LOG_S = 5.0  # where lines are kept, as in a scheduler's log


class Step:
    """One line: filled by Spark's finished tasks, or by the step itself when it knows better (`update`)."""

    def __init__(self, bar: "tqdm[Any]") -> None:
        self._bar = bar
        self._started = time.monotonic()
        self.is_driven = False

    def update(self, done: float, total: float, rows: int | None = None) -> None:
        """Say how far the step is. From then on Spark's tasks no longer move the bar."""
        self.is_driven = True
        self._show(done, total, rows)

    def update_from_tasks(self, done: int, total: int, rows: int) -> None:
        if not self.is_driven:
            self._show(done, total, rows)

    def _show(self, done: float, total: float, rows: int | None) -> None:
        self._bar.n = min(1.0, done / total) if total else 0.0
        if rows:
            rate = rows / max(time.monotonic() - self._started, 1e-3)
            self._bar.set_postfix_str(f"{rows:,} rows  {rate:,.0f} rows/s", refresh=False)
        self._bar.refresh()


def silent_step() -> Step:
    """A step that shows nothing, for work that is nobody's step."""
    return Step(tqdm(total=1.0, disable=True))


class Progress:
    """Steps on a stream of its own: MALGIL_PROGRESS names the pipe of the door, else stderr."""

    def __init__(self, context: SparkContext, stream: TextIO | None = None) -> None:
        self._context = context
        self._stream = stream or _open_stream()
        self._is_terminal = os.environ.get("MALGIL_TERMINAL") == "1" or self._stream.isatty()

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """A line for the time of the block; `note` ends it with what came out."""
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
            try:
                yield step
            finally:
                stop.set()
                watcher.join()

    def finish(self, name: str, seconds: float, summary: Mapping[str, Any]) -> None:
        """The line that stays."""
        print(f"{name:<20} {_outcome(summary)}  {seconds:,.1f} s", file=self._stream, flush=True)

    def _watch(self, name: str, step: Step, stop: threading.Event) -> None:
        seen: dict[int, tuple[int, int]] = {}
        rows, shown_at = 0, time.monotonic()
        while not stop.wait(_REFRESH_S):
            rows = max(rows, _poll_stages(self._context, seen))
            done, total = (sum(counts) for counts in zip(*seen.values(), strict=True)) if seen else (0, 0)
            step.update_from_tasks(done, total, rows)
            if not self._is_terminal and time.monotonic() - shown_at >= _REFRESH_LOG_S:
                shown_at = time.monotonic()
                print(f"{name:<20} {done}/{total} tasks  {rows:,} rows", file=self._stream, flush=True)


def _open_stream() -> TextIO:
    path = os.environ.get("MALGIL_PROGRESS")
    return open(path, "w", encoding="utf8") if path else sys.stderr


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
    data = context._jsc.sc().statusStore().lastStageAttempt(stage)  # type: ignore[attr-defined]
    return int(max(data.inputRecords(), data.outputRecords(), data.shuffleReadRecords()))


def _outcome(summary: Mapping[str, Any]) -> str:
    if summary.get("skipped"):
        return "stands already"
    facts = {key: value for key, value in summary.items() if isinstance(value, int | float | str)}
    shown = (
        f"{key} {value:,}" if isinstance(value, int | float) else f"{key} {value}"
        for key, value in facts.items()
    )
    return "  ".join(list(shown)[:4])
