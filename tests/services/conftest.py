"""What service tests share: one undisturbed nightly run, and a store of MLflow's for a module."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig
from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow
from tests.services.runs import run_job, run_settings


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("nightly")
    yield path
    for config in (
        EmbeddedRedisConfig(directory=str(path / name / "redis")) for name in ("whole", "killed", "massive")
    ):
        embedded_redis.stop(config)


@pytest.fixture(scope="session")
def whole(folder: Path) -> dict[str, Any]:
    """The summary of a run that nothing disturbed."""
    return run_job(folder / "whole")


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
