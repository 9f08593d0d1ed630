"""The DAG of the examples in a real Airflow, which has an environment of its own."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.services.runs import PROJECT

AIRFLOW = "apache-airflow==3.3.2"
DAY = "2026-05-01"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its command, in an environment that uv makes: Airflow and we do not agree about a dozen packages."""
    environment = tmp_path_factory.mktemp("airflow") / "environment"
    uv = PROJECT / "var" / "uv" / "bin" / "uv"
    subprocess.run([uv, "venv", "-q", "--python", "3.11", environment], check=True)
    subprocess.run([uv, "pip", "install", "-q", "--python", environment / "bin" / "python", AIRFLOW], check=True)
    return environment / "bin" / "airflow"


def test_a_day_runs_as_a_task_of_airflow(airflow: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    spec = tmp_path / "small.yaml"  # a job that takes a day, as nightly does, and seconds
    settings = {"store.root": str(store), "generator.messages": 1000}
    spec.write_text(yaml.safe_dump({"job": "generate_messages", "settings": settings}), encoding="utf8")
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "examples"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "MALGIL_HOME": str(PROJECT),
        "MALGIL_SPEC": str(spec),
    }
    subprocess.run([airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
    command = [airflow, "dags", "test", "malgil_nightly", "2026-05-02"]
    tested = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert tested.returncode == 0, tested.stderr + tested.stdout
    [record] = (json.loads(path.read_text()) for path in (store / "runs" / "generate_messages").glob("*.json"))
    assert (record["status"], record["settings"]["day"]) == ("succeeded", DAY)
