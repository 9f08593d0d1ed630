"""A run's driver is found again and ended; nothing else is."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from pipelines.errors import MalgilError
from pipelines.io.driver_process import DriverProcess, end_process, is_alive, this_process

_SLEEP = "import time; print('up', flush=True); time.sleep(60)"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_SLEEP}"


@pytest.fixture(params=[_SLEEP, _STUBBORN])
def started(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", request.param], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "up\n"
    yield process
    process.kill()
    process.communicate()


def test_it_is_ended_and_gone_then(started: subprocess.Popen[str]) -> None:
    driver = _note(started)
    assert is_alive(driver)
    assert end_process(driver, patience_s=0.5)
    assert not is_alive(driver)
    assert not end_process(driver, patience_s=0.5)


def test_another_process_of_its_number_is_left_alone(started: subprocess.Popen[str]) -> None:
    before = replace(_note(started), started_at=_note(started).started_at - 3600)
    assert not is_alive(before)
    assert not end_process(before, patience_s=0.5)
    assert started.poll() is None


def test_one_of_another_machine_is_not_looked_for() -> None:
    elsewhere = replace(this_process(), host="another-machine")
    assert is_alive(elsewhere) is None
    with pytest.raises(MalgilError, match="runs on another-machine; run the command there"):
        end_process(elsewhere, patience_s=0.5)


def _note(process: subprocess.Popen[str]) -> DriverProcess:
    return replace(this_process(), pid=process.pid, started_at=psutil.Process(process.pid).create_time())
