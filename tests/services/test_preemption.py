"""Capacity that is taken away from a training on YARN: by SIGKILL, in mid-epoch, in every order of size.

One training lives through all of it, since each application costs half a minute.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from mlflow import MlflowClient

from devstack.stack import StackStatus, read_status
from models.files import locate
from tests.services.cluster import ONE_A_NODE, Submitted, await_end, read_json, start_job
from tests.services.runs import run_job
from tests.services.stacks import run_devstack

STORE = "hdfs:///malgil"  # the default: what travels to the nodes stands there already
MESSAGES = ("generator.messages=4000", "generator.intents=8", "generator.day=2026-05-01")
TRAINING = (
    "training.epochs=60", "training.batch_size=16", "training.commit_steps=20", "training.patience=0",
    "training_set.min_shards=4", "training.start_timeout_s=300",
)  # fmt: skip
TIMEOUT_S = 400


@dataclass(frozen=True)
class Training:
    """A training in the cluster: the submitting shell, what the training wrote down, and its processes."""

    stack: StackStatus
    shell: "subprocess.Popen[str]"
    others: set[str]  # trainings that were there before

    @property
    def url(self) -> str:
        """Its folder in the store; empty until there is one."""
        names = find_trainings(self.stack) - self.others
        return f"{STORE}/checkpoints/{names.pop()}" if names else ""

    def launches(self) -> list[dict[str, Any]]:
        """The starts of its ranks so far."""
        return (read_json(self.stack, f"{self.url}/launches.json") or []) if self.url else []

    def await_steps(self, *, after: int = 0, ranks: int = 2) -> int:
        """The number of launches, when one after the first `after` of them, with so many ranks, has committed steps."""

        def steps() -> bool:
            begun = self.launches()[after:]
            return bool(begun) and begun[-1]["ranks"] == ranks and self.has_progress() and self.has_committed(begun[-1])

        self.wait_until(steps)
        return len(self.launches())

    def has_progress(self) -> bool:
        """Whether the ranks of the newest launch have taken a step."""
        return read_json(self.stack, f"{self.url}/progress.json") is not None

    def has_committed(self, launch: dict[str, Any]) -> bool:
        return self.committed() > (launch["epochs"], launch["rows"])

    def committed(self) -> tuple[int, int]:
        """Epochs and rows after which the newest checkpoint stands."""
        filesystem, path = locate(self.url.replace("hdfs://", self.stack.addresses["hdfs"], 1))
        names = [Path(name).stem for name in filesystem.ls(path, detail=False) if "/epoch-" in name]
        places = [name.removeprefix("epoch-").split("-rows-") for name in names]
        return max(((int(epoch), int(*rows)) for epoch, *rows in places), default=(0, 0))

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not is_so():
            assert self.shell.poll() is None, self.shell.communicate()
            assert time.monotonic() < deadline, self.launches()
            time.sleep(0.2)

    def processes(self, word: str, *, host: str = "") -> list[psutil.Process]:
        """Processes in YARN's containers (all, or the host's) with the word in their command line."""
        found = []
        for process in psutil.process_iter():
            try:
                command, environment = " ".join(process.cmdline()), process.environ()
            except psutil.Error:  # it ended while we looked
                continue
            is_ours = environment.get("MALGIL_STACK") == self.stack.folder and "CONTAINER_ID" in environment
            if is_ours and word in command and environment.get("NM_HOST", "").startswith(host):
                found.append(process)
        return found

    def kill(self, word: str, *, host: str = "", most: int = 100) -> None:
        """SIGKILL to (at most so many of) them; there must be one."""
        killed = self.processes(word, host=host)[:most]
        assert killed
        for process in killed:
            process.kill()


def find_trainings(stack: StackStatus) -> set[str]:
    filesystem, path = locate(f"{stack.addresses['hdfs']}/malgil/checkpoints")
    names = filesystem.ls(path, detail=False) if filesystem.exists(path) else []
    return {name.rpartition("/")[2] for name in names}


RANK, EXECUTOR, DRIVER = "gloo_exec_fn", "YarnCoarseGrainedExecutorBackend", "deploy.yarn.ApplicationMaster"


@pytest.fixture(scope="module")
def disturbed(stack: StackStatus) -> Iterator[Submitted]:
    """A nightly run that lost its driver in training, then, run again, a rank, all executors and a node."""
    settings, others = (*MESSAGES, *TRAINING, *ONE_A_NODE), find_trainings(stack)
    with start_job(stack, "nightly", *settings) as shell, _ended(shell):
        first = Training(stack, shell, others)
        first.await_steps()
        first.kill(DRIVER)
        assert await_end(shell).code != 0
    try:
        with start_job(stack, "nightly", *settings) as shell, _ended(shell):
            _disturb(Training(stack, shell, others), stack)
            yield await_end(shell)
    finally:
        _bring_nodes_back(stack)


@contextmanager
def _ended(shell: "subprocess.Popen[str]") -> Iterator[None]:
    """After it, the job is not running."""
    try:
        yield
    finally:
        shell.terminate()  # ends the application as well


def _disturb(training: Training, stack: StackStatus) -> None:
    launches = training.await_steps(after=1)
    training.kill(RANK, most=1)
    launches = training.await_steps(after=launches)
    training.kill(EXECUTOR)
    launches = training.await_steps(after=launches)
    drivers_host = training.processes(DRIVER)[0].environ()["NM_HOST"]
    daemon, host = ("nodemanager-2", "127.0.0.2") if drivers_host != "127.0.0.2" else ("nodemanager-1", "localhost")
    os.kill(read_status(Path(stack.folder)).daemons[daemon].process_id, signal.SIGKILL)
    training.kill("", host=host)
    launches = training.await_steps(after=launches, ranks=1)
    _bring_nodes_back(stack)
    training.await_steps(after=launches)


def _bring_nodes_back(stack: StackStatus) -> None:
    """For this training, and for the tests after it wherever it failed."""
    assert run_devstack(Path(stack.folder), "up", "yarn").returncode == 0


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> dict[str, Any]:
    """The same on this machine, with nothing taken away."""
    return run_job(folder / "undisturbed", "nightly", *MESSAGES, *TRAINING)


def test_training_ends_as_if_nothing_had_been_taken_away(
    disturbed: Submitted, undisturbed: dict[str, Any], stack: StackStatus
) -> None:
    assert (disturbed.code, disturbed.summary["status"]) == (0, "succeeded"), disturbed.shown
    trained = disturbed.summary["train_intent"]
    assert (trained["epochs"], trained["ranks"]) == (60, 2)
    epochs = MlflowClient(stack.addresses["mlflow"]).get_metric_history(trained["mlflow_run"], "validation_accuracy")
    for name, reached in {
        "test_accuracy": trained["metrics"]["test_accuracy"],
        "validation_accuracy": max(epochs, key=lambda epoch: epoch.step).value,  # after all that happened
    }.items():
        assert reached == pytest.approx(undisturbed["train_intent"]["metrics"][name], abs=0.03)


def test_mlflow_shows_what_was_taken_away(disturbed: Submitted, stack: StackStatus, tmp_path: Path) -> None:
    client, run = MlflowClient(stack.addresses["mlflow"]), disturbed.summary["train_intent"]["mlflow_run"]
    document = json.loads(Path(client.download_artifacts(run, "launches.json", str(tmp_path))).read_text())
    first, *ends, last = (launch["end"] for launch in document["launches"])
    assert first in ("driver lost", "failed")  # whether its Python saw the JVM go
    assert (set(ends), last) == ({"rank lost", "paused for more ranks"}, "finished")
    assert ends.count("rank lost") >= 3
    assert client.get_run(run).data.metrics["launches"] == len(document["launches"])
    assert {point.value for point in client.get_metric_history(run, "ranks")} == {1, 2}
