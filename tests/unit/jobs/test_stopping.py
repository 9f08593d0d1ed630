"""A stop that a job may finish its work for."""

import os
import signal
from pathlib import Path
from threading import Event

import pytest

from jobs.stopping import (
    STOP_FILE,
    RunCancelled,
    ask_to_stop,
    ended_by_signals,
    stop_requests,
    watched_for_end,
)


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_that_takes_no_stop_and_the_next_one_the_process(number: signal.Signals) -> None:
    before, work_ended = signal.getsignal(number), Event()
    with ended_by_signals(work_ended.set) as is_cancelled:
        assert not is_cancelled()
        with pytest.raises(RunCancelled):
            os.kill(os.getpid(), number)
        assert is_cancelled()
        assert work_ended.wait(30)
        assert signal.getsignal(number) is signal.SIG_DFL
    assert signal.getsignal(number) is before


def test_a_time_limit_and_a_signal_end_what_is_watched() -> None:
    ended = Event()
    with watched_for_end(ended.set, time_limit_s=0.01) as explain:
        assert ended.wait(30)
        assert explain() == "its time limit of 0.01 s was over"
    ended.clear()
    with watched_for_end(ended.set, time_limit_s=0) as explain:
        assert explain() == ""
        os.kill(os.getpid(), signal.SIGTERM)
        assert ended.is_set()
        assert explain() == "ended by a signal"
