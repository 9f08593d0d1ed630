"""A driver on one of YARN's nodes (cluster mode): it reports into the store, and this process reads it there.

The shell's secrets and hosts reach the driver as a file that spark-submit puts beside it. They stand neither in a
command line nor in the application's configuration; YARN keeps the file in a folder that only its owner may enter,
and removes it with the application.
"""

import json
import os
import posixpath
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from jobs.start_watch import started_in_time
from jobs.stopping import STOP_FILE, ask_to_stop, watched_for_end
from jobs.submission import Ending, Submission, Summary, end_application, start_spark_submit
from models.files import locate, read_bytes, write_bytes
from pipelines.io.followed_text import TextFollower
from pipelines.io.run_records import note_end
from pipelines.io.store import Store, StoreConfig, cannot_write
from pipelines.io.tracking import git_commit
from pipelines.io.yarn_application import explain_application, find_application
from pipelines.io.yarn_packages import FOLDER

_ENVIRONMENT = "malgil-environment.json"
_STOP = "stop"
_LOOK_EVERY_S = 1.0
_UNPASSED = ("PYTHONPATH", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON")  # Spark would carry this machine's to the nodes


def run_in_cluster(submission: Submission, folder: Path, *, is_detached: bool) -> Ending:
    """Run the job to its end, its progress on stderr; detached, only until YARN has taken it."""
    reports = posixpath.join(submission.store, FOLDER, "runs", submission.run_id)
    submitted = _with_reports(submission, folder, reports, is_detached=is_detached)
    shell = {name: value for name, value in os.environ.items() if name not in _UNPASSED}
    process = start_spark_submit(submitted, folder, shell)
    with (
        watched_for_end(
            lambda: _end(process, submission, f"{reports}/{_STOP}"), time_limit_s=submission.time_limit_s
        ) as explain_end,
        started_in_time(submission, process) as explain_start,
    ):
        _follow(process, submission, TextFollower(f"{reports}/progress.json"))
    application = find_application(submission.log)
    if is_detached and application:
        taken = {"job": submission.name, "status": "submitted", "run_id": submission.run_id}
        return Ending(0, {**taken, "application_id": application, "reports": reports})
    summary = _read_json(f"{reports}/summary.json")
    if summary:
        _remove(reports)
    if explain_end() and not summary:
        note_end(Store(StoreConfig(submission.store)), submission.name, submission.run_id, explain_end())
    fault = "" if summary else explain_start() or _explain_silence(submission, reports)
    return Ending(process.returncode, summary, fault, explain_end())


def _with_reports(submission: Submission, folder: Path, reports: str, *, is_detached: bool) -> Submission:
    own = {
        "MALGIL_RUN_ID": submission.run_id, "MALGIL_SUMMARY": f"{reports}/summary.json",
        "MALGIL_PROGRESS": f"{reports}/progress.json", STOP_FILE: f"{reports}/{_STOP}",
        "MALGIL_TERMINAL": str(int(sys.stderr.isatty())), "COLUMNS": str(shutil.get_terminal_size().columns),
        "MALGIL_ENVIRONMENT": _ENVIRONMENT, "GIT_COMMIT": git_commit(),
    }  # fmt: skip
    secrets = folder / _ENVIRONMENT
    secrets.touch(mode=0o600)
    shell = {name: os.environ[name] for name in submission.environment}
    secrets.write_text(json.dumps({**shell, **submission.told}), encoding="utf8")
    files = [secrets.as_uri(), *filter(None, [submission.properties.get("spark.yarn.dist.files")])]
    properties = {
        "spark.app.name": f"malgil {submission.name}",
        **submission.properties,
        **{f"spark.yarn.appMasterEnv.{name}": value for name, value in own.items()},
        "spark.yarn.dist.files": ",".join(files),
        "spark.yarn.submit.waitAppCompletion": str(not is_detached).lower(),
    }
    return replace(submission, properties=properties)


def _follow(process: subprocess.Popen[bytes], submission: Submission, progress: TextFollower) -> None:
    announced = False
    while process.poll() is None:
        time.sleep(_LOOK_EVERY_S)
        if not announced and (application := find_application(submission.log)):
            announced = True
            queue = submission.properties.get("spark.yarn.queue", "default")
            sys.stderr.write(f"{submission.name}: {application} in queue {queue}\n")
        sys.stderr.write(progress.read_new())
        sys.stderr.flush()
    sys.stderr.write(progress.read_new())


def _explain_silence(submission: Submission, reports: str) -> str:
    """Why there is no summary: the store refuses it, or YARN ended the driver or did not begin it."""
    if find_application(submission.log):
        try:
            write_bytes(f"{reports}/probe", b".")
        except (OSError, RuntimeError) as error:
            return str(cannot_write(submission.store, error))
        _remove(reports)
    return explain_application(submission.log)


def _end(process: subprocess.Popen[bytes], submission: Submission, stop: str) -> None:
    """End the application, or what was to submit it; a live one finishes its work first."""
    application = find_application(submission.log)
    if not application:
        process.terminate()
    elif not (submission.is_live and ask_to_stop(stop)):
        end_application(application)


def _read_json(url: str) -> Summary | None:
    content = read_bytes(url)
    return None if content is None else dict(json.loads(content))


def _remove(url: str) -> None:
    filesystem, path = locate(url)
    if filesystem.exists(path):
        filesystem.rm(path, recursive=True)
