"""Daemons as processes: found by id and start, never mistaken for another, ended with their family."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.process import (
    MARK,
    end_processes,
    find_family,
    find_marked,
    find_process,
    measure_memory_mib,
    start_process,
)

SLEEP = ("sleep", "60")
DEAF = (sys.executable, "-c", "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A daemon's folder; its path is the mark."""
    yield tmp_path
    end_processes(find_marked(str(tmp_path)), patience_s=0.0)


@contextmanager
def holding(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield descriptor
    os.close(descriptor)


def start(folder: Path, *command: str) -> None:
    """Start it and let go of the lock at once, as a starter that dies does; returns when the lock is free again."""
    with holding(folder) as lock:
        start_process(command, folder=folder, environment={MARK: str(folder)}, lock=lock)
    with holding(folder):
        pass


def test_a_started_process_is_found_until_it_is_ended(folder: Path) -> None:
    assert find_process(folder) is None
    start(folder, *SLEEP)
    process = find_process(folder)
    assert process
    assert find_family(folder, str(folder)) == find_marked(str(folder)) == [process]
    assert measure_memory_mib([process]) > 0
    end_processes([process], patience_s=5.0)
    assert find_process(folder) is None


def test_a_process_id_that_another_process_has_is_left_alone(folder: Path) -> None:
    with subprocess.Popen(SLEEP) as stranger:
        stat = Path(f"/proc/{stranger.pid}/stat").read_text().split()
        stat[21] = "1"  # the tick of its start
        (folder / "pid").write_text(" ".join(stat))
        assert find_process(folder) is None
        assert find_family(folder, str(folder)) == []
        stranger.kill()


def test_a_process_that_ignores_the_request_is_killed(folder: Path) -> None:
    start(folder, *DEAF)
    while not (folder / "daemon.log").read_text():
        time.sleep(0.01)
    process = find_process(folder)
    assert process
    end_processes([process], patience_s=0.1)
    assert find_process(folder) is None


def test_children_belong_to_the_family_and_sessions_of_their_own_do_not(folder: Path) -> None:
    start(folder, "sh", "-c", "sleep 60 & setsid sleep 60 & wait")
    while len({process.session for process in find_marked(str(folder))}) < 2:
        time.sleep(0.01)
    leader, child = find_family(folder, str(folder))
    assert leader == find_process(folder)
    os.kill(leader.process_id, signal.SIGKILL)
    while find_process(folder):
        time.sleep(0.01)
    assert find_family(folder, str(folder)) == [child]


def test_the_log_of_the_start_before_is_kept(folder: Path) -> None:
    for word in ("one", "two"):
        start(folder, "echo", word)
        while not (folder / "daemon.log").read_text():
            time.sleep(0.01)
    assert [(folder / name).read_text() for name in ("daemon.log.before", "daemon.log")] == ["one\n", "two\n"]
