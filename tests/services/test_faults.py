"""Faults of real YARN and HDFS: a job goes on through them, or ends and says in one line what to do.

An application costs half a minute, so faults that can come together do, and jobs that can run side by side do.
"""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from devstack.stack import StackStatus
from jobs import build_training_set, clean_messages, generate_messages
from jobs.job import Job, open_job
from jobs.lineage import snapshot_id
from pipelines.io.progress import Progress
from pipelines.io.store import Store
from pipelines.settings import load_settings
from tests.services.cluster import JARS_ON_NODES, Submitted, await_end, make_environment, package, start_job
from tests.services.runs import run_job
from tests.services.stacks import PROJECT, devstack_command, run_devstack

CHAT = (
    "generator.messages=3000", "generator.intents=4", "generator.day=2026-05-01", "generator.seed=5",
    "training_set.min_shards=8",
)  # fmt: skip
CLIENT = "spark.submit.deployMode=client"
ONE_EXECUTOR = (
    "spark.executor.instances=1", "spark.dynamicAllocation.minExecutors=1", "spark.dynamicAllocation.maxExecutors=1",
    "spark.task.maxFailures=1",
)  # fmt: skip
TIMEOUT_S = 600  # a first job packs the environment, which takes minutes


LARGE_DRIVER = (  # its heap alone fills the container
    "spark.driver.memory=512m", "spark.driver.memoryOverhead=32m",
    "spark.driver.extraJavaOptions=-Xms512m -XX:+AlwaysPreTouch",
)  # fmt: skip


def finish(process: "subprocess.Popen[str]") -> Submitted:
    """How it ended; a job that hangs is ended, and its application with it."""
    try:
        return await_end(process)
    finally:
        process.terminate()


def explain(failed: Submitted) -> str:
    """The one line that a failed job ended with, in its summary and in the shell."""
    line: str = failed.summary["error"]
    assert (failed.code, failed.summary["status"]) == (1, "failed"), failed
    assert "\n" not in line
    assert line in failed.shown.splitlines()[-1]
    return line


# HDFS


@pytest.fixture(scope="module")
def job(hdfs: str, spark: SparkSession) -> Job:
    """A job of this process on the store that jobs on YARN have, with clean messages there."""
    settings = load_settings([*CHAT, f"store.root={hdfs}/malgil"])
    plain = open_job("faults", "", settings, Progress(spark.sparkContext, io.StringIO()))
    job = Job(**vars(plain), spark=spark)
    generate_messages.run(job)
    clean_messages.run(job)
    return job


def test_a_snapshot_is_whole_though_the_datanode_and_the_resourcemanager_went_meanwhile(
    job: Job, stack: StackStatus
) -> None:
    """The DataNode is HDFS's only one, so nothing can be written or read until it is back."""
    output = snapshot_id(job)
    draft = job.store.url("snapshots", f".{output}.draft")
    building = start_job(stack, "build_training_set", *CHAT)
    wait_until(lambda: job.store.exists(f"{draft}/tokens"), building)
    restarting = subprocess.Popen(devstack_command(Path(stack.folder), "restart", "resourcemanager"))
    wait_until(lambda: job.store.exists(f"{draft}/train"), building)
    kill(stack, "datanode")
    assert restarting.wait(TIMEOUT_S) == 0
    assert (building.poll(), job.store.manifest("snapshots", output)) == (None, None)
    started = run_devstack(Path(stack.folder), "up", "hdfs")
    assert started.returncode == 0, started.stderr

    built = finish(building)
    assert (built.code, built.summary["status"]) == (0, "succeeded"), built
    assert read_snapshot(job, output) == build_undisturbed(job, output)


def wait_until(is_so: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def kill(stack: StackStatus, daemon: str) -> None:
    status = json.loads(run_devstack(Path(stack.folder), "status", "--json").stdout)
    os.kill(status["daemons"][daemon]["process_id"], signal.SIGKILL)


def read_snapshot(job: Job, output: str) -> tuple[Any, list[Any]]:
    """Its manifest and all its rows, in order."""
    url, splits = job.store.url("snapshots", output), ("train", "validation", "test")
    rows = [row for split in splits for row in job.spark.read.parquet(f"{url}/{split}").collect()]
    return job.store.manifest("snapshots", output), sorted(rows, key=lambda row: str(row["message_id"]))


def build_undisturbed(job: Job, output: str) -> tuple[Any, list[Any]]:
    job.store.remove(job.store.url("snapshots", output))
    build_training_set.run(job)
    return read_snapshot(job, output)


def test_an_hdfs_that_is_read_only_or_full_is_one_line_and_the_next_run_works(
    hdfs: str, spark: SparkSession, stack: StackStatus, tmp_path: Path
) -> None:
    root = f"{hdfs}/full"
    store = Store(load_settings([f"store.root={root}"]).store)
    with in_safe_mode(spark, hdfs):
        read_only = run_job(tmp_path, "generate_messages", f"store.root={root}")
        not_taken = explain(finish(start_job(stack, "generate_messages", *CHAT)))
    with space_quota(spark, f"{root}/raw", 1_000_000), space_quota(spark, f"{hdfs}/malgil", 1_000_000):
        unreported = start_job(stack, "generate_messages", *CHAT, "generator.seed=6")
        full = run_job(tmp_path, "generate_messages", f"store.root={root}")
        assert store.outputs("raw") == []
        not_reported = explain(finish(unreported))
    assert run_job(tmp_path, "generate_messages", f"store.root={root}")["status"] == "succeeded"
    assert len(store.outputs("raw")) == 1
    assert read_only["error"].startswith(f"store.root: expected to write to {root}, received: Cannot ")
    assert " in safe mode" in not_taken
    assert not_reported.startswith("store.root: expected to write to hdfs:///malgil, received: The DiskSpace quota of ")
    assert full["error"].startswith("HDFS took no more: The DiskSpace quota of /full/raw is exceeded; make room")


@contextmanager
def in_safe_mode(spark: SparkSession, hdfs: str) -> Iterator[None]:
    """As `hdfs dfsadmin -safemode enter` does it; HDFS enters it itself when blocks are missing."""
    jvm, files = open_hdfs(spark, hdfs)
    actions = jvm.org.apache.hadoop.fs.SafeModeAction
    files.setSafeMode(actions.ENTER)
    try:
        yield
    finally:
        files.setSafeMode(actions.LEAVE)


@contextmanager
def space_quota(spark: SparkSession, url: str, size: int) -> Iterator[None]:
    """As `hdfs dfsadmin -setSpaceQuota` does it."""
    jvm, files = open_hdfs(spark, url)
    path, constants = jvm.org.apache.hadoop.fs.Path(url), jvm.org.apache.hadoop.hdfs.protocol.HdfsConstants
    files.mkdirs(path)
    files.setQuota(path, constants.QUOTA_DONT_SET, size)
    try:
        yield
    finally:
        files.setQuota(path, constants.QUOTA_DONT_SET, constants.QUOTA_RESET)


def open_hdfs(spark: SparkSession, url: str) -> tuple[Any, Any]:
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    return jvm, jvm.org.apache.hadoop.fs.Path(url).getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())


# Memory


def test_what_ran_out_of_memory_is_named_with_the_setting_to_raise(stack: StackStatus) -> None:
    """The generator's longest row is one string in Python, and one in the JVM: too large for either."""
    small = ("generator.messages=200", "spark.executor.memory=512m", CLIENT, *ONE_EXECUTOR)
    of_python = ("generator.long_text_chars=300000000", "spark.executor.memoryOverhead=384m")
    of_jvm = ("generator.long_text_chars=100000000", "spark.executor.memoryOverhead=3g")
    running = {
        "python": start_job(stack, "generate_messages", *small, *of_python),
        "jvm": start_job(stack, "generate_messages", *small, *of_jvm),
        "driver": start_job(stack, "generate_messages", *LARGE_DRIVER),
    }
    lines = {name: explain(finish(process)) for name, process in running.items()}
    assert lines["python"].startswith("an executor took more memory than its container has (")
    assert lines["python"].endswith("raise spark.executor.memoryOverhead")
    assert lines["jvm"].startswith("an executor's JVM ")
    assert lines["jvm"].endswith("raise spark.executor.memory")
    assert "the driver took more memory than its container has (" in lines["driver"]
    assert "; raise spark.driver.memoryOverhead; see ./spark-submit.sh logs application_" in lines["driver"]


# Room


def test_a_queue_that_is_not_there_is_named(stack: StackStatus) -> None:
    line = explain(finish(start_job(stack, "generate_messages", *CHAT, "spark.yarn.queue=nightlly")))
    assert "spark.yarn.queue: expected a queue of the cluster's, received nightlly; " in line


def test_more_memory_than_any_node_has_is_named(stack: StackStatus) -> None:
    line = explain(finish(start_job(stack, "generate_messages", *CHAT, "spark.executor.memory=20g", CLIENT)))
    assert line.startswith("YARN has no node so large: Required executor memory (20480 MB), ")
    assert line.endswith("; lower spark.executor.memory, spark.driver.memory or their memoryOverhead")


@pytest.fixture
def taken(stack: StackStatus) -> Iterator[None]:
    """Most of the cluster is another application's: what is left holds a small container and no large one."""
    packed = package(stack, CLIENT, *JARS_ON_NODES)
    other = subprocess.Popen(
        ["timeout", str(TIMEOUT_S), sys.executable, "-c", _TAKE, packed], cwd=PROJECT, env=make_environment(stack),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout
        assert other.stdout.readline() == "taken\n"
        yield
    finally:
        other.communicate(timeout=TIMEOUT_S)  # the end of its input ends it


_TAKE = """
import sys
from pathlib import Path
from pipelines.io.session import create_session

spark = create_session("another", properties=Path(sys.argv[1]), spark_executor_memory="512m",
                       spark_executor_memoryOverhead="6500m")
print("taken", flush=True)
sys.stdin.read()
spark.stop()
"""


@pytest.mark.usefixtures("taken")
def test_a_job_that_finds_no_room_ends_after_a_set_time(stack: StackStatus) -> None:
    at_once = "spark.scheduler.maxRegisteredResourcesWaitingTime=1s"
    no_driver = start_job(stack, "generate_messages", *CHAT, "generator.bots.names=[maru]", "yarn.start_timeout_s=5")
    no_executor = start_job(
        stack, "generate_messages", *CHAT, "generator.bots.names=[maru]", "yarn.start_timeout_s=45", at_once, CLIENT
    )
    line = explain(finish(no_driver))
    assert " was ended: expected it to start within yarn.start_timeout_s=5 s, queue nightly had no room" in line
    assert "(spark.driver.memory, spark.driver.memoryOverhead), or wait longer" in line
    assert explain(finish(no_executor)).startswith(
        "no executor came within yarn.start_timeout_s=45 s: expected room for one in queue nightly "
        "(spark.executor.memory 1g, memoryOverhead 1536m); "
    )
