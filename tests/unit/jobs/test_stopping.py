"""A stop that a job may finish its work for."""

import os
import signal
from pathlib import Path

import pytest

from jobs.stopping import STOP_FILE, ask_to_stop, stop_requests


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_a_stop_and_ends_nothing(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_requests() as is_over:
        assert not is_over()
        os.kill(os.getpid(), number)
        assert is_over()
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_the_doors_stop_file_asks_for_a_stop_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    url = f"{scheme}{tmp_path}/stop"
    monkeypatch.setenv(STOP_FILE, url)
    with stop_requests() as is_over:
        assert not is_over()
        assert ask_to_stop(url)
        assert is_over()
    assert not ask_to_stop(url)
