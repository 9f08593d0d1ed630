"""Jobs on the dev stack's YARN, submitted as a shell does it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark

from devstack.stack import StackStatus
from models.files import locate

PROJECT = Path(__file__).resolve().parents[2]
SPARK = Path(pyspark.__file__).parent
SECRET = "not-for-logs-1f2e3d"
ON_LOOPBACK = ("spark.yarn.appMasterEnv.SPARK_LOCAL_IP=127.0.0.1",)
JARS_ON_NODES = (f"spark.yarn.jars=local:{SPARK}/jars/*",)  # 440 MB less to upload and to unpack
ONE_A_NODE = ("spark.executor.memoryOverhead=3300m",)  # more than half of a node with the JVM's 1g
TIMEOUT_S = 900


@dataclass(frozen=True)
class Submitted:
    """What the submitting shell sees."""

    code: int
    summary: dict[str, Any]
    shown: str


def submit(stack: StackStatus, job: str, *more: str) -> Submitted:
    """The job, run to its end."""
    return await_end(start_job(stack, job, *more))


def start_job(stack: StackStatus, job: str, *more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "jobs", job, *ON_LOOPBACK, *JARS_ON_NODES, *more, "--conf", "yarn"],
        cwd=PROJECT, env=make_environment(stack), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def await_end(process: "subprocess.Popen[str]") -> Submitted:
    output, shown = process.communicate(timeout=TIMEOUT_S)
    return Submitted(process.returncode, json.loads(output.splitlines()[-1]), shown)


def run(stack: StackStatus, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = make_environment(stack)
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S)


def make_environment(stack: StackStatus) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(PROJECT),
        "HADOOP_CONF_DIR": stack.hadoop_conf_dir,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "MLFLOW_TRACKING_URI": stack.addresses["mlflow"],
        "MALGIL_REDIS_URL": stack.addresses["redis"],
        "MALGIL_SECRET": SECRET,
    }


def package(stack: StackStatus, *more: str) -> str:
    """The properties file that `package` wrote."""
    packed = run(stack, sys.executable, "-m", "jobs", "package", *ON_LOOPBACK, *more, "--conf", "yarn")
    assert packed.returncode == 0, packed.stderr
    return str(json.loads(packed.stdout)["properties"])


def read_containers(stack: StackStatus, application: str) -> str:
    """What the application's containers wrote."""
    return run(stack, sys.executable, "-m", "jobs", "logs", application).stdout


def read_json(stack: StackStatus, url: str) -> Any:
    """The document at the URL on the stack's HDFS; None where there is none."""
    filesystem, path = locate(url.replace("hdfs://", stack.addresses["hdfs"], 1))
    try:
        return json.loads(filesystem.cat_file(path))
    except FileNotFoundError:
        return None
