"""An application that YARN does not start: it is ended after a set time, not waited for without an end."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from jobs.submission import Submission, end_application
from pipelines.io.yarn_application import explain_waiting, find_application, has_started

_LOOK_EVERY_S = 1.0


@contextmanager
def started_in_time(submission: Submission, process: subprocess.Popen[bytes]) -> Iterator[Callable[[], str]]:
    """Inside, an application whose driver does not start within `yarn.start_timeout_s` is ended, and so the process.

    Yields what tells why it was ended; empty where it was not.
    """
    faults: list[str] = []
    if not submission.is_on_yarn:
        yield str
        return
    watcher = Thread(target=_watch, args=(submission, process, faults), daemon=True)
    watcher.start()
    yield lambda: "".join(faults)
    watcher.join()


def _watch(submission: Submission, process: subprocess.Popen[bytes], faults: list[str]) -> None:
    application, since = "", time.monotonic()
    while process.poll() is None and not has_started(submission.log):
        time.sleep(_LOOK_EVERY_S)
        if not application:
            application, since = find_application(submission.log), time.monotonic()
        elif time.monotonic() - since > submission.start_timeout_s:
            faults.append(_describe(submission, application))
            if not end_application(application):
                process.terminate()
            return


def _describe(submission: Submission, application: str) -> str:
    name = "spark.driver" if submission.is_in_cluster else "spark.yarn.am"
    return (
        f"{application} was ended: expected it to start within yarn.start_timeout_s={submission.start_timeout_s:g} s, "
        f"queue {submission.properties.get('spark.yarn.queue', 'default')} had no room for its driver"
        f"{explain_waiting(submission.log)}; see what runs in the queue and its limits, ask for less "
        f"({name}.memory, {name}.memoryOverhead), or wait longer"
    )
