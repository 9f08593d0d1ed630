"""One run at a time in a queue of this machine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from jobs.queue_turn import turn_in_queue

_HOLDER = """
import sys
from pathlib import Path
from jobs.queue_turn import turn_in_queue

with turn_in_queue("nightly", "first", print, folder=Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has the queue."""
    command, environment = [sys.executable, "-c", _HOLDER, str(tmp_path)], {**os.environ, "PYTHONPATH": "."}
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "in\n"
    yield process
    process.kill()
    process.communicate()


def test_the_next_one_waits_and_tells_for_whom_until_the_holder_is_gone(
    holder: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    told: list[str] = []
    waiting, inside = Event(), Event()

    def tell(line: str) -> None:
        told.append(line)
        waiting.set()

    def run() -> None:
        with turn_in_queue("nightly", "second", tell, folder=tmp_path):
            inside.set()

    thread = Thread(target=run, daemon=True)
    thread.start()
    assert waiting.wait(30)
    assert not inside.is_set()
    holder.kill()
    assert inside.wait(30)
    thread.join()
    assert told == ["second waits in queue nightly for first"]


def test_another_queue_is_free(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    with turn_in_queue("live", "second", pytest.fail, folder=tmp_path):
        pass
