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
from pathlib import Path

from jobs.start_watch import started_in_time
from jobs.stopping import STOP_FILE, ask_to_stop
from jobs.submission import PROJECT, Ending, Submission, start_driver


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
    }  # fmt: skip
    reading = os.open(pipe, os.O_RDWR)  # open at both ends, so that neither side ever waits for the other
    threading.Thread(target=_copy_progress, args=(reading,), daemon=True).start()
    process = start_driver(submission, folder, environment)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: _end(submission, process.pid, received, stop))
    with started_in_time(submission, process) as explain_start:
        code = process.wait()
    time.sleep(0.1)  # what the job wrote last is still in the pipe
    if late := explain_start():
        return Ending(1, None, late)
    found = json.loads(summary.read_text(encoding="utf8")) if summary.exists() else None
    fault = f"the driver ended with exit code {code} before it could report; see {submission.log}"
    return Ending(code if code >= 0 else 128 - code, found, fault)


def _end(submission: Submission, group: int, number: int, stop: Path) -> None:
    """Ask a live job to finish its work; any other ends at once, and a live one that was asked before."""
    if not (submission.is_live and ask_to_stop(str(stop))):
        os.killpg(group, number)


def _copy_progress(pipe: int) -> None:
    while chunk := os.read(pipe, 65_536):
        sys.stderr.buffer.write(chunk)
        sys.stderr.buffer.flush()
