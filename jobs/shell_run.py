"""A run of a job from its submission to its summary, as this shell sees it."""

import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.driver_here import run_here
from jobs.submission import PROJECT, Ending, Submission, Summary, open_submission
from pipelines.errors import MalgilError


def run_job(
    name: str,
    arguments: Sequence[str],
    *,
    conf: str,
    run_id: str,
    is_detached: bool = False,
    time_limit_s: float = 0.0,
    begun: Mapping[str, Any] | None = None,
) -> tuple[int, Summary]:
    """Run the job under spark-submit, its progress on stderr; the exit code, and the summary, also of a failure.

    From the main thread, which takes the signals.
    """
    started, log = time.monotonic(), ""
    try:
        submission = open_submission(
            name, arguments, conf=conf, run_id=run_id, time_limit_s=time_limit_s, begun=begun
        )  # fmt: skip
        log = f" (log: {submission.log.relative_to(PROJECT)})"
        ending = _run(submission, is_detached=is_detached)
    except MalgilError as error:
        ending = Ending(1, None, str(error))
    summary = _summarize(name, run_id, ending)
    summary.setdefault("elapsed_s", round(time.monotonic() - started, 1))
    if summary["status"] in ("failed", "cancelled"):
        print(f"{name} {summary['status']}: {summary['error']}{log}", file=sys.stderr, flush=True)
    return ending.code or int(summary["status"] in ("failed", "cancelled")), summary


def _summarize(name: str, run_id: str, ending: Ending) -> Summary:
    """What the job reported, and what it could not know: that it was ended, and why."""
    if ending.summary is None:
        status = "cancelled" if ending.cancelled else "failed"
        return {"job": name, "status": status, "run_id": run_id, "error": ending.cancelled or ending.fault}
    is_explained = ending.summary["status"] == "cancelled" and ending.cancelled
    return {**ending.summary, "error": ending.cancelled} if is_explained else ending.summary


def _run(submission: Submission, *, is_detached: bool) -> Ending:
    if is_detached and not submission.is_in_cluster:
        raise MalgilError("--detach: expected a driver in a cluster, found one in this shell; see --conf yarn")
    shown = submission.log.relative_to(PROJECT)
    submission.log.parent.mkdir(parents=True, exist_ok=True)
    what = "starting Spark" if submission.needs_spark else "starting"
    print(f"{submission.name}: {what}, log in {shown}", file=sys.stderr, flush=True)
    folder = Path(tempfile.mkdtemp(prefix="malgil-"))
    try:
        if not submission.is_in_cluster:
            return run_here(submission, folder)
        from jobs.driver_in_cluster import run_in_cluster

        return run_in_cluster(submission, folder, is_detached=is_detached)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
