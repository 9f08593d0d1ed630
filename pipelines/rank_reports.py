"""What ranks tell the driver while they run: small JSON files beside the checkpoints.

A rank's output reaches the driver only at its end, and its exit code says nothing.
"""

import json
import os
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.files import read_bytes, remove_file, write_bytes
from pipelines.errors import MalgilError
from pipelines.polling import polling

if TYPE_CHECKING:
    from models.training import Progress

OURS = ("models", "pipelines")
REPORT_EVERY_S = 0.5
ProgressListener = Callable[[int, int], None]


def progress_reporter(run_url: str) -> Callable[["Progress"], None]:
    """For the first rank: writes its progress, at most twice a second and at the end.

    A thread writes: to close a file on HDFS takes half a second, for which all ranks would wait. A write that failed
    is raised by the next call.
    """
    writer, written, reported_at = ThreadPoolExecutor(1), Future[None](), 0.0
    written.set_result(None)

    def report(progress: "Progress") -> None:
        nonlocal written, reported_at
        now, is_last = time.monotonic(), progress.rows == progress.total_rows
        if is_last or (now - reported_at >= REPORT_EVERY_S and written.done()):
            written.result()
            reported_at, content = now, json.dumps({**vars(progress), "pid": os.getpid()})
            written = writer.submit(write_bytes, _progress_url(run_url), content.encode())
        if is_last:
            written.result()

    return report


def report_failure(run_url: str, error: BaseException) -> None:
    """Type and place of a rank's error; its text only where it is our own, which never quotes a message."""
    place, is_own = _find_place(error), isinstance(error, MalgilError)
    report = {
        "rank": int(os.environ.get("HOROVOD_RANK", "0")),
        "at": time.time(),
        "error": type(error).__name__,
        "place": place,
        "text": str(error) if is_own else "",
        "lost_another": not is_own and "orovod" in str(error),  # TensorFlow calls it an UnknownError
    }
    write_bytes(_failure_url(run_url, report["rank"]), json.dumps(report).encode())


def describe_failure(error: BaseException) -> str:
    """An error's text where it is our own, which never quotes a message; else its type and place."""
    return str(error) if isinstance(error, MalgilError) else f"{type(error).__name__} at {_find_place(error)}"


def _find_place(error: BaseException) -> str:
    """The innermost line of our own code."""
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [f"{file.parent.name}/{file.name}:{line}" for file, line in frames if file.parent.name in OURS]
    return ours[-1] if ours else ""


def find_failure(run_url: str, ranks: int) -> dict[str, Any] | None:
    """The first failure that is a rank's own, not the loss of another one; None where there is none."""
    reports = [_read_json(_failure_url(run_url, rank)) for rank in range(ranks)]
    failures = [report for report in reports if report and not report["lost_another"]]
    return min(failures, key=lambda report: float(report["at"]), default=None)


@contextmanager
def watched(run_url: str, on_progress: ProgressListener | None) -> Iterator[None]:
    """Inside, a thread tells `on_progress` the rows done and in all that the first rank reports."""

    def look() -> None:
        if on_progress and (report := _read_json(_progress_url(run_url))):
            on_progress(report["rows"], report["total_rows"])

    with polling(look, every_s=REPORT_EVERY_S, name="training-progress", at_end=True):
        yield


def remove_reports(run_url: str, ranks: int) -> None:
    """Drop what an earlier run of this folder reported."""
    for url in (_progress_url(run_url), *(_failure_url(run_url, rank) for rank in range(ranks))):
        remove_file(url)


def _progress_url(run_url: str) -> str:
    return f"{run_url}/progress.json"


def _failure_url(run_url: str, rank: Any) -> str:
    return f"{run_url}/failure-{rank}.json"


def _read_json(url: str) -> dict[str, Any] | None:
    """The report, None where there is none."""
    content = read_bytes(url)
    return None if content is None else dict(json.loads(content))
