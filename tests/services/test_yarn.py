"""Jobs on real YARN and HDFS, submitted through the door and without it. An application costs half a minute: few."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from devstack.stack import StackStatus
from models.files import write_bytes
from pipelines.io.chat_client import connect_chat
from tests.services.cluster import (
    JARS_ON_NODES,
    ONE_A_NODE,
    PROJECT,
    SECRET,
    SPARK,
    Submitted,
    package,
    read_containers,
    read_json,
    run,
    submit,
)
from tests.services.test_nightly import STEPS, find_runs

SMALL = ("generator.messages=200", "generator.intents=4", "generator.day=2026-05-01")
MASSIVE_KO = PROJECT.parent / "shared" / "data" / "massive_ko" / "ko-KR.jsonl"
NIGHTLY = ("dataset=massive_ko", "data_root=hdfs:///data", "training.epochs=12", "training.batch_size=64")
LEAST_ACCURACY = 0.83  # locally 0.842 to 0.851, over four seeds


@pytest.fixture(scope="module")
def nightly(stack: StackStatus) -> Submitted:
    """The whole nightly run in cluster mode, on real messages."""
    if not MASSIVE_KO.exists():
        pytest.skip("the data sets of ../shared/data are not here")
    write_bytes(f"{stack.addresses['hdfs']}/data/massive_ko/ko-KR.jsonl", MASSIVE_KO.read_bytes())
    return submit(stack, "nightly", *NIGHTLY, "training_set.min_shards=16", *ONE_A_NODE)


def test_nightly_in_the_cluster_gives_what_it_gives_locally(nightly: Submitted, stack: StackStatus) -> None:
    summary, shown = nightly.summary, nightly.shown
    assert (nightly.code, summary["status"]) == (0, "succeeded"), shown
    steps = [step for step in STEPS if step != "generate_messages"]
    assert [step for step in steps if f"\n{step} " not in shown] == []
    assert set(steps) <= set(summary["seconds"])
    assert summary["train_intent"]["ranks"] == 2
    assert summary["train_intent"]["metrics"]["test_rows"] == 2_974
    assert summary["train_intent"]["metrics"]["test_accuracy"] > LEAST_ACCURACY
    assert summary["promoted"] is True
    assert summary["report"].startswith("hdfs://")
    client = redis.Redis.from_url(stack.addresses["redis"])
    batch = summary["predict_batch"]["output"].rpartition("/")[2]
    assert int(client.get(f"malgil:batch:{batch}")) == summary["predict_batch"]["predictions"] > 0  # type: ignore[arg-type]


def test_its_record_in_mlflow_has_its_steps_and_the_application(nightly: Submitted, stack: StackStatus) -> None:
    found = find_runs(stack.addresses["mlflow"], f"tags.malgil_run = '{nightly.summary['run_id']}'")
    steps = {run.info.run_name: run for run in found if "mlflow.parentRunId" in run.data.tags}
    (run,) = (run for run in found if run.info.run_name == f"nightly-{nightly.summary['run_id']}")
    assert {run.info.status for run in found} == {"FINISHED"}
    assert {step for step in STEPS if step != "generate_messages"} <= set(steps)
    assert {step.data.tags["mlflow.parentRunId"] for step in steps.values()} == {run.info.run_id}
    assert run.data.tags["application"] in nightly.shown
    assert steps["train_intent"].data.metrics["progress.rows"] > 0  # told while it went on, by HTTP


def test_its_ranks_trained_on_both_nodes_and_no_log_has_the_shells_secrets(
    nightly: Submitted, stack: StackStatus
) -> None:
    (application,) = (word for word in nightly.shown.split() if word.startswith("application_"))
    logs = read_containers(stack, application)
    containers = [line.split() for line in logs.splitlines() if line.startswith("Container: ")]
    executors = {container: node for _, container, _, node in containers if not container.endswith("_000001")}
    assert {node.rpartition("_")[0] for node in executors.values()} == {"localhost", "127.0.0.2"}
    assert SECRET not in logs + nightly.shown
    assert SECRET not in next((PROJECT / "var" / "logs").glob(f"nightly-{nightly.summary['run_id']}.log")).read_text()


def test_driver_in_the_shell_uses_the_clusters_executors(stack: StackStatus) -> None:
    made = submit(stack, "generate_messages", *SMALL, "spark.submit.deployMode=client")
    assert (made.code, made.summary["status"], made.summary["messages"]) == (0, "succeeded", 200), made.shown
    assert made.summary["output"].startswith("hdfs://")


def test_failure_in_the_cluster_is_one_line_with_the_exit_code(stack: StackStatus) -> None:
    failed = submit(stack, "clean_messages", "input.path=hdfs:///nothing.jsonl")
    assert (failed.code, failed.summary["status"]) == (1, "failed")
    assert failed.summary["error"].startswith("input.path: expected files, found none at 'hdfs:///nothing.jsonl'")
    assert failed.shown.splitlines()[-1].startswith("clean_messages failed: input.path: expected files, found none")


def test_a_job_that_was_let_go_and_one_of_a_scheduler_end_as_others_do(nightly: Submitted, stack: StackStatus) -> None:
    detached = submit(stack, "generate_messages", *SMALL, "generator.seed=7", "--detach")
    assert (detached.code, detached.summary["status"]) == (0, "submitted"), detached.shown
    assert detached.summary["application_id"].startswith("application_")
    direct = submit_directly(stack)
    assert direct.returncode == 0, direct.stderr
    assert wait_for_summary(stack, detached.summary["reports"])["messages"] == 200
    assert read_json(stack, "hdfs:///summaries/direct.json")["clean"] == nightly.summary["clean_messages"]["clean"]


def test_a_live_job_on_the_nodes_answers_until_it_is_asked_to_stop(nightly: Submitted, stack: StackStatus) -> None:
    broker, queue = stack.addresses["kafka"], "spark.yarn.queue=live"
    topics = [f"kafka.{kind}=yarn.{kind}" for kind in ("messages", "predictions")]
    live = submit(stack, "predict_stream", f"kafka.bootstrap_servers={broker}", *topics, queue, "--detach")
    assert live.summary["status"] == "submitted", live.shown
    with connect_chat(broker, stack.addresses["redis"], topic="yarn.messages") as chat:
        prediction = chat.predict("내일 아침 일곱 시에 깨워 줘", room_id="yarn", timeout_s=300)
    noted = f"{live.summary['reports'].rpartition('/.yarn')[0]}/progress/predict_stream/{live.summary['run_id']}.json"
    wait_for(stack, noted, lambda progress: progress["rows"] == 1)
    write_bytes(f"{live.summary['reports']}/stop".replace("hdfs://", stack.addresses["hdfs"], 1), b"")
    summary = wait_for_summary(stack, live.summary["reports"])
    assert (summary["status"], summary["predictions"], summary["repeated"]) == ("succeeded", 1, 0)
    assert summary["models"] == {prediction.models["intent"]: 1} == {nightly.summary["train_intent"]["version"]: 1}


def test_no_rank_gets_a_second_copy(stack: StackStatus, tmp_path: Path) -> None:
    """Speculation needs two hosts, so no local Spark has it. The driver is this shell's, as a notebook's is."""
    packed = package(stack, "spark.submit.deployMode=client", *JARS_ON_NODES, *ONE_A_NODE)
    ran = run(stack, sys.executable, "-c", _SLOW_TASKS, packed, str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    attempts = {name: sorted(path.name for path in tmp_path.glob(f"{name}-*")) for name in ("held", "free")}
    assert attempts == {"held": ["held-0-0", "held-1-0"], "free": ["free-0-0", "free-0-1", "free-1-0"]}


_SLOW_TASKS = """
import sys, time
from contextlib import nullcontext
from pathlib import Path
from pyspark import TaskContext
from pipelines.io.session import create_session
from pipelines.speculation import without_speculation

folder = Path(sys.argv[2])
spark = create_session("speculation", properties=Path(sys.argv[1]), spark_speculation_quantile="0.5",
                       spark_speculation_minTaskRuntime="0", spark_speculation_multiplier="1.1")

def work(name, seconds):
    def run(rows):
        task = TaskContext.get()
        (folder / f"{name}-{task.partitionId()}-{task.attemptNumber()}").touch()
        time.sleep(seconds if task.partitionId() == 0 else 0)
        return rows
    return run

def run_tasks(name, seconds):
    spark.sparkContext.range(0, 2, numSlices=2).mapPartitions(work(name, seconds)).count()

run_tasks("first", 0)  # starts the Python workers
for name, held in (("held", without_speculation(spark)), ("free", nullcontext())):
    with held:
        run_tasks(name, 10)
spark.stop()
"""


def submit_directly(stack: StackStatus) -> subprocess.CompletedProcess[str]:
    """As docs/yarn.md tells a scheduler, Spark's jars and all from the store."""
    summary = "spark.yarn.appMasterEnv.MALGIL_SUMMARY=hdfs:///summaries/direct.json"
    command = (f"{SPARK}/bin/spark-submit", "--properties-file", package(stack), "--conf", summary)
    return run(stack, *command, "jobs/clean_messages.py", *NIGHTLY)


def wait_for_summary(stack: StackStatus, reports: str) -> Any:
    return wait_for(stack, f"{reports}/summary.json", bool)


def wait_for(stack: StackStatus, url: str, holds: Callable[[Any], bool]) -> Any:
    """The document, when it is there and as it is to be."""
    deadline = time.monotonic() + 300
    while not ((found := read_json(stack, url)) and holds(found)):
        assert time.monotonic() < deadline
        time.sleep(1)
    return found
