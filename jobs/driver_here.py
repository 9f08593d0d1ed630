"""A driver in this shell: on this machine, YARN's client mode, or a job without Spark.

spark-submit mixes a driver's stdout with the JVM's, so the job writes its progress into a pipe and its summary
into a file.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from jobs.start_watch import started_in_time
from jobs.stopping import STOP_FILE, ask_to_stop, watched_for_end
from jobs.submission import PROJECT, Ending, Submission, start_driver

_REPORT_S = 20.0


def run_here(submission: Submission, folder: Path) -> Ending:
    """Run the job to its end, its progress on stderr; `folder` is for what only this run needs."""
    pipe, summary, stop = folder / "progress", folder / "summary.json", folder / "stop"
    os.mkfifo(pipe)
    environment = {
        **os.environ,
        "MALGIL_RUN_ID": submission.run_id, "MALGIL_CONF": submission.conf, "MALGIL_LOG": str(submission.log),
        "MALGIL_PROGRESS": str(pipe), "MALGIL_SUMMARY": str(summary), STOP_FILE: str(stop),
        "MALGIL_TERMINAL": str(int(sys.stderr.isatty())), "COLUMNS": str(shutil.get_terminal_size().columns),
        "PYTHONPATH": str(PROJECT), "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable,
        **submission.told,
    }  # fmt: skip
    reading = os.open(pipe, os.O_RDWR)  # open at both ends, so that neither side ever waits for the other
    threading.Thread(target=_copy_progress, args=(reading,), daemon=True).start()
    process = start_driver(submission, folder, environment)
    with (
        watched_for_end(
            lambda: _end(submission, process.pid, stop), time_limit_s=submission.time_limit_s
        ) as explain_end,
        started_in_time(submission, process) as explain_start,
    ):
        code = process.wait()
    if explain_end():
        _await_report(process.pid, summary)
    time.sleep(0.1)  # what the job wrote last is still in the pipe
    if late := explain_start():
        return Ending(1, None, late)
    found = json.loads(summary.read_text(encoding="utf8")) if summary.exists() else None
    fault = f"the driver ended with exit code {code} before it could report; see {submission.log}"
    return Ending(code if code >= 0 else 128 - code, found, fault, explain_end())


def _end(submission: Submission, group: int, stop: Path) -> None:
    """Ask a live job to finish its work; any other ends at once, and a live one that was asked before."""
    if not (submission.is_live and ask_to_stop(str(stop))):
        with suppress(ProcessLookupError):  # it ended just now
            os.killpg(group, signal.SIGTERM)


def _await_report(group: int, summary: Path) -> None:
    """A driver that was ended says so behind spark-submit, which is gone before."""
    until = time.monotonic() + _REPORT_S
    with suppress(ProcessLookupError):
        while not summary.exists() and time.monotonic() < until:
            os.killpg(group, 0)  # raises where none of its processes is left
            time.sleep(0.1)


def _copy_progress(pipe: int) -> None:
    while chunk := os.read(pipe, 65_536):
        sys.stderr.buffer.write(chunk)
        sys.stderr.buffer.flush()
