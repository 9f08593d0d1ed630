"""A Spark cluster of one-core executors on this machine, each kept on a core of its own.

`local-cluster` starts the same executor processes as YARN does, one JVM with its Python workers each, without
daemons that would take part of the cores. The driver, Spark's master and Redis float over all cores: with as many
executors as cores they take from them what on a cluster other nodes would give.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pyspark
from pyspark.sql import SparkSession

from pipelines.errors import MalgilError
from pipelines.io.session import LOCAL_CONF, PROJECT, create_session

EXECUTOR_MEMORY_MIB = 1536
_BACKEND = "CoarseGrainedExecutorBackend"
_START_TIMEOUT_S = 60.0


@contextmanager
def pinned_cluster(executors: int, folder: Path, **properties: str) -> Iterator[SparkSession]:
    """A session with so many executors, each on one core; its event log stands in `folder` when it has stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    spark = create_session(
        "malgil-benchmark-scale",
        properties=LOCAL_CONF,
        spark_master=f"local-cluster[{executors},1,{EXECUTOR_MEMORY_MIB}]",
        spark_executor_cores="1",
        spark_executor_memory=f"{EXECUTOR_MEMORY_MIB}m",
        spark_executor_extraJavaOptions="-XX:+UseSerialGC -XX:ActiveProcessorCount=1",
        spark_executorEnv_PYTHONPATH=str(PROJECT),
        spark_scheduler_minRegisteredResourcesRatio="1.0",
        spark_ui_showConsoleProgress="false",
        spark_eventLog_enabled="true",
        spark_eventLog_dir=folder.as_uri(),
        spark_eventLog_rolling_enabled="false",
        spark_eventLog_compress="false",
        **properties,
    )
    application = spark.sparkContext.applicationId
    try:
        for core, executor in zip(sorted(os.sched_getaffinity(0)), _await_executors(executors), strict=False):
            _pin(executor, core)
        yield spark
    finally:
        spark.stop()
        # executors work in folders of Spark's own home
        shutil.rmtree(Path(pyspark.__file__).parent / "work" / application, ignore_errors=True)


def find_executors() -> list[psutil.Process]:
    """The executors' JVMs below this process, the oldest first."""
    below = psutil.Process().children(recursive=True)
    found = [process for process in below if any(_BACKEND in part for part in _ask(process, "cmdline", []))]
    return sorted(found, key=lambda process: process.pid)


def cpu_seconds(roots: list[psutil.Process]) -> float:
    """CPU time of these processes and of all below them, those that have ended included."""
    family = [member for root in roots for member in (root, *root.children(recursive=True))]
    return float(sum(sum(_ask(member, "cpu_times", (0.0,))[:4]) for member in family))  # own and ended children's


def _ask(process: psutil.Process, what: str, otherwise: Any) -> Any:
    try:
        return getattr(process, what)()
    except psutil.Error:  # it has just ended
        return otherwise


def _await_executors(count: int) -> list[psutil.Process]:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while len(found := find_executors()) < count:
        if time.monotonic() > deadline:
            raise MalgilError(f"expected {count} executors within {_START_TIMEOUT_S:g} s, found {len(found)}")
        time.sleep(0.2)
    return found


def _pin(executor: psutil.Process, core: int) -> None:
    """Keep all threads on the core; what the JVM starts later, threads and Python workers, inherits it."""
    for _ in range(2):  # threads that were started meanwhile
        for thread in os.listdir(f"/proc/{executor.pid}/task"):
            os.sched_setaffinity(int(thread), {core})
