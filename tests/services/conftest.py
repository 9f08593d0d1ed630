"""What service tests share: one undisturbed nightly run, a store of MLflow's for a module, and the dev stack."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack.stack import StackStatus, read_status
from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig
from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow
from tests.services.runs import run_job, run_settings
from tests.services.stacks import find_processes, run_devstack
from tests.webhooks import SECRET, Receiver, receiving


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("nightly")
    yield path
    for directory in path.glob("*/redis"):
        embedded_redis.stop(EmbeddedRedisConfig(directory=str(directory)))


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Who gets the events of the whole run."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def whole(folder: Path, receiver: Receiver) -> dict[str, Any]:
    """The summary of a run that nothing disturbed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MALGIL_WEBHOOK_SECRET", SECRET)
        return run_job(folder / "whole", "nightly", f"events.webhook_url={receiver.url}")


@pytest.fixture(scope="session")
def whole_settings(folder: Path) -> list[str]:
    return run_settings(folder / "whole")


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    """One store for a module: making its tables takes seconds."""
    root = tmp_path_factory.mktemp("mlflow")
    config = MlflowConfig(
        tracking_uri=f"sqlite:///{root}/mlflow.db", artifact_root=f"{root}/artifacts", cache=f"{root}/cache"
    )
    return connect_mlflow(config)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackStatus]:
    """All real services, started for the first test that asks; after the last, no process of theirs is left."""
    folder = tmp_path_factory.mktemp("stack")
    try:
        started = run_devstack(folder, "up")
        assert started.returncode == 0, started.stderr
        yield read_status(folder)
    finally:
        run_devstack(folder, "down")
    assert find_processes(folder) == []


@pytest.fixture(scope="module")
def hdfs(stack: StackStatus) -> Iterator[str]:
    """The NameNode's URL; the module's jobs find its configuration as they do on a cluster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HADOOP_CONF_DIR", stack.hadoop_conf_dir)
        yield stack.addresses["hdfs"]
