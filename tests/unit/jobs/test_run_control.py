"""Runs by a spec, cancelled and done again, each a real process without Spark."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from jobs.__main__ import main
from jobs.backfill import run_backfill
from jobs.run_control import cancel_run, plan_retry, plan_spec, read_plan
from jobs.submission import PROJECT, SUBMISSION
from pipelines.errors import MalgilError
from pipelines.io.run_progress import read_progress
from pipelines.io.run_records import Submitted, begin_record, end_record, find_run, list_newest
from pipelines.io.seen_runs import look_at_run
from pipelines.io.store import Maker, Store, StoreConfig

_SLOW_JOB = """
import time
from jobs.job import main_without_spark

def run(job):
    job.step.update(3, 12)
    time.sleep(120)

main_without_spark("slow.py", run)
"""
_BEGUN = {"arguments": ["trace.message_id=m1"], "spec": "", "notify": ["data-team"]}
NOW = datetime.now(timezone.utc).isoformat()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(f"{tmp_path}/store"))


@pytest.fixture
def slow_run(store: Store) -> Iterator[str]:
    """A run that goes, and says how far it is."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "MALGIL_RUN_ID": "r1", SUBMISSION: json.dumps(_BEGUN)}
    command = [sys.executable, "-c", _SLOW_JOB, f"store.root={store.root}"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not ((progress := read_progress(store, "slow", "r1")) and progress.done == 3):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield "r1"
    process.kill()
    process.communicate()


def test_a_cancelled_run_ends_as_such_and_says_how_far_it_came(slow_run: str, store: Store) -> None:
    begun = find_run(store, slow_run)
    assert (look_at_run(store, begun).status, begun.submission.notify) == ("started", ("data-team",))
    assert main(["jobs", "cancel", slow_run, f"store.root={store.root}"]) == 0
    ended = look_at_run(store, find_run(store, slow_run))
    assert (ended.status, ended.record.summary) == (
        "cancelled", {"status": "cancelled", "error": "ended by a signal"},
    )  # fmt: skip
    assert ended.progress
    assert (ended.progress.step, ended.progress.done, ended.progress.total) == ("slow", 3, 12)
    assert read_progress(store, "slow", slow_run) is None
    with pytest.raises(MalgilError, match="expected one that runs, found it cancelled since "):
        cancel_run(store, slow_run)


def test_a_run_whose_driver_is_gone_is_noted_as_cancelled(store: Store) -> None:
    record = begin_record(store, Maker("nightly", "r2", NOW), settings={}, application="local-1")
    assert record.driver
    gone = replace(record.driver, started_at=record.driver.started_at - 60).__dict__
    store.write_json(store.url("runs", "nightly", "r2.json"), {**_as_json(store, "r2"), "driver": gone})
    assert cancel_run(store, "r2").status == "cancelled"


def test_a_run_of_another_machine_is_left_alone(store: Store) -> None:
    begin_record(store, Maker("nightly", "r3", NOW), settings={}, application="local-1")
    record = _as_json(store, "r3")
    store.write_json(
        store.url("runs", "nightly", "r3.json"), {**record, "driver": {**record["driver"], "host": "other"}}
    )
    with pytest.raises(MalgilError, match="run r3: it runs on other, which is not this machine; cancel it there"):
        cancel_run(store, "r3")


def test_a_run_is_done_again_with_its_settings_and_those_that_are_given(store: Store) -> None:
    begun = Submitted(("task=complaint", "training.epochs=3", "spark.executor.memory=4g"))
    begin_record(store, Maker("nightly", "r4", NOW), settings={}, application=None, submission=begun)
    plan = plan_retry(store, "r4", ["training.epochs=5"])
    assert (plan.spec.job, plan.spec.conf, plan.retry_of) == ("nightly", "local", "r4")
    assert plan.arguments == ("task=complaint", "spark.executor.memory=4g", "training.epochs=5")


def test_a_password_that_the_record_leaves_out_has_to_be_given_again(store: Store) -> None:
    begun = Submitted(("redis.url=redis://me:secret@host:1/0",))
    begin_record(store, Maker("nightly", "r5", NOW), settings={}, application=None, submission=begun)
    with pytest.raises(MalgilError, match=r"its record leaves out the password in redis\.url; give it again"):
        plan_retry(store, "r5")
    again = "redis.url=redis://me:secret@host:1/0"
    assert plan_retry(store, "r5", [again]).arguments == (again,)


def test_a_setting_that_does_not_exist_is_refused_before_anything_runs() -> None:
    with pytest.raises(MalgilError, match=r"there is no setting training\.epoch; did you mean training\.epochs\?"):
        plan_spec("nightly", ["training.epoch=3"])


def test_a_run_that_fails_is_tried_as_often_as_its_spec_says(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "lost.yaml"
    spec.write_text(f"job: trace\nretries: 1\nbackoff_s: 0\nnotify: [a]\nsettings: {{store: {{root: '{store.root}'}}}}")
    assert main(["jobs", "run", str(spec), "--run-id", "r6"]) == 1
    shown = capsys.readouterr()
    summary = json.loads(shown.out.splitlines()[-1])
    assert (summary["status"], summary["run_id"], summary["attempts"]) == ("failed", "r6-2", 2)
    assert "r6 failed; 1 more to try, the next in 0 s" in shown.err
    begun = [(run.run_id, run.status, run.submission.attempt, run.submission.notify) for run in list_newest(store, 5)]
    assert begun == [("r6-2", "failed", 2, ("a",)), ("r6", "failed", 1, ("a",))]


def test_a_run_is_done_again_for_the_day_that_it_was_about(store: Store) -> None:
    begun = Submitted(("day=yesterday", "generator.seed=1"))
    begin_record(store, Maker("nightly", "r7", NOW), settings={"day": "2026-05-01"}, application=None, submission=begun)
    assert plan_retry(store, "r7").arguments[-1] == "day=2026-05-01"
    assert plan_retry(store, "r7", ["day=2026-05-03"]).arguments == ("generator.seed=1", *["day=2026-05-03"] * 2)


def test_days_are_filled_one_after_another_but_those_done(store: Store, tmp_path: Path) -> None:
    spec = tmp_path / "lost.yaml"
    spec.write_text(f"job: trace\nsettings: {{store: {{root: '{store.root}'}}}}")
    done = asdict(read_plan(plan_spec(str(spec), ["day=2026-05-01"])))
    record = begin_record(store, Maker("trace", "r8", NOW), settings=done, application=None)
    end_record(store, record, {"status": "succeeded"}, ended_at=datetime.now(timezone.utc))
    told: list[str] = []
    code, summary = run_backfill(str(spec), [], "2026-05-01..2026-05-03", tell=told.append)
    assert (code, summary["days"]) == (1, {"2026-05-01": "done before", "2026-05-02": "failed"})
    assert told == ["trace of 2026-05-01: done before", "trace of 2026-05-02"]
    runs = {run.settings["day"]: run.status for run in list_newest(store, 5)}
    assert runs == {"2026-05-01": "succeeded", "2026-05-02": "failed"}


def test_an_input_that_is_the_same_each_day_is_no_backfill(store: Store) -> None:
    with pytest.raises(MalgilError, match=r"--backfill: expected \{day\} in input\.path, found 'chat/all'"):
        run_backfill("nightly", ["input.path=chat/all"], "2026-05-01..2026-05-03", tell=pytest.fail)


def _as_json(store: Store, run_id: str) -> dict[str, Any]:
    return store.read_json(store.url("runs", "nightly", f"{run_id}.json"))
