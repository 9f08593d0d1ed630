"""The dev stack: every service really answers, and nothing outlives it, whatever becomes of its starter."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from kafka import KafkaConsumer, KafkaProducer
from mlflow import MlflowClient

from devstack.stack import StackStatus, read_status
from models.files import locate
from tests.services.stacks import devstack_command, find_processes, run_devstack

TEXT = "배송은 언제 오나요?"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """An own stack's folder."""
    path = tmp_path / "말길"
    yield path
    run_devstack(path, "down")


def bring_up(folder: Path, *names: str) -> StackStatus:
    """The stack with these services running."""
    started = run_devstack(folder, "up", *names)
    assert started.returncode == 0, started.stderr
    return read_status(folder)


def ask_yarn(stack: StackStatus, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{stack.addresses['yarn']}/ws/v1/cluster/{path}") as answer:
        return dict(json.load(answer))


def connect_redis(stack: StackStatus) -> "redis.Redis[str]":
    return redis.Redis.from_url(stack.addresses["redis"], decode_responses=True)


def test_hdfs_gives_back_a_file(stack: StackStatus) -> None:
    files, path = locate(f"{stack.addresses['hdfs']}/greetings/hello")
    files.makedirs("/greetings", exist_ok=True)
    files.pipe_file(path, TEXT.encode())
    assert files.cat_file(path).decode() == TEXT


def test_kafka_gives_back_a_record(stack: StackStatus) -> None:
    producer = KafkaProducer(bootstrap_servers=stack.addresses["kafka"])
    producer.send("chat.messages", TEXT.encode(), key=b"room-1").get(timeout=30)
    producer.close()
    consumer = KafkaConsumer(
        "chat.messages",
        bootstrap_servers=stack.addresses["kafka"],
        auto_offset_reset="earliest",
        consumer_timeout_ms=30_000,
    )
    record = next(consumer)
    consumer.close()
    assert (record.key, record.value.decode()) == (b"room-1", TEXT)


def test_yarn_has_two_nodes_on_two_hosts(stack: StackStatus) -> None:
    nodes = ask_yarn(stack, "nodes")["nodes"]["node"]
    assert {node["nodeHostName"] for node in nodes} == {"localhost", "127.0.0.2"}
    assert [node["state"] for node in nodes] == ["RUNNING", "RUNNING"]


def test_yarn_puts_the_live_queue_first(stack: StackStatus) -> None:
    scheduler = ask_yarn(stack, "scheduler")["scheduler"]["schedulerInfo"]
    queues = scheduler["queues"]["queue"]
    by_priority = sorted(queues, key=lambda queue: queue["queuePriority"])
    assert [queue["queueName"] for queue in by_priority] == ["nightly", "live"]
    assert scheduler["orderingPolicyInfo"] == "priority-utilization"
    assert {queue["preemptionDisabled"] for queue in queues} == {False}


def test_mlflow_keeps_a_file_of_a_run(stack: StackStatus, tmp_path: Path) -> None:
    client = MlflowClient(tracking_uri=stack.addresses["mlflow"])
    run = client.create_run(client.create_experiment("devstack"))
    client.log_text(run.info.run_id, TEXT, "text.txt")
    path = client.download_artifacts(run.info.run_id, "text.txt", str(tmp_path))
    assert Path(path).read_text() == TEXT
    assert run.info.artifact_uri.startswith("mlflow-artifacts:")


def test_the_whole_stack_takes_little_memory(stack: StackStatus) -> None:
    assert set(stack.addresses) == {"redis", "kafka", "hdfs", "yarn", "mlflow"}
    assert sum(daemon.memory_mib for daemon in stack.daemons.values()) < 2560


def test_a_restart_keeps_the_data_and_a_stop_as_well(folder: Path) -> None:
    before = bring_up(folder, "redis")
    connect_redis(before).set("인사", TEXT)
    assert run_devstack(folder, "restart", "redis").returncode == 0
    assert connect_redis(before).get("인사") == TEXT
    assert run_devstack(folder, "down").stdout == "ended 1 processes\n"
    assert find_processes(folder) == []
    after = bring_up(folder, "redis")
    assert connect_redis(after).get("인사") == TEXT
    assert before.addresses == after.addresses
    assert before.daemons["redis"].process_id != after.daemons["redis"].process_id


def test_a_file_tells_programs_the_addresses(folder: Path) -> None:
    stack = bring_up(folder, "redis")
    told = json.loads((folder / "stack.json").read_text())
    assert told["addresses"] == {"redis": stack.addresses["redis"]}
    assert told["daemons"]["redis"]["process_id"] == stack.daemons["redis"].process_id
    run_devstack(folder, "down")
    assert not (folder / "stack.json").exists()


def test_what_a_killed_starter_started_is_taken_over_and_ended(folder: Path) -> None:
    starter = subprocess.Popen(devstack_command(folder, "up", "kafka"), stderr=subprocess.PIPE)
    while not (folder / "kafka" / "pid").exists():
        time.sleep(0.01)
    starter.kill()
    starter.communicate()
    process_id = int((folder / "kafka" / "pid").read_text().split()[0])
    assert bring_up(folder, "kafka").daemons["kafka"].process_id == process_id
    run_devstack(folder, "down")
    assert find_processes(folder) == []


def test_starters_at_the_same_time_start_one_server(folder: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(lambda _: run_devstack(folder, "up", "redis"), range(3)))
    assert [end.returncode for end in ends] == [0, 0, 0]
    assert len(find_processes(folder)) == 1


def test_stacks_run_side_by_side(folder: Path, tmp_path: Path) -> None:
    mine, other = bring_up(folder, "redis"), bring_up(tmp_path / "other", "redis")
    connect_redis(mine).set("인사", TEXT)
    assert connect_redis(other).get("인사") is None
    run_devstack(tmp_path / "other", "down")
    assert connect_redis(mine).get("인사") == TEXT


def test_a_daemon_that_was_killed_is_shown_and_started_again(folder: Path) -> None:
    stack = bring_up(folder, "redis")
    process_id = stack.daemons["redis"].process_id
    assert process_id
    os.kill(process_id, signal.SIGKILL)
    status = run_devstack(folder, "status", "--json")
    assert (status.returncode, json.loads(status.stdout)["daemons"]["redis"]["state"]) == (1, "stopped")
    assert connect_redis(bring_up(folder, "redis")).ping()
    assert run_devstack(folder, "status").returncode == 0


def test_a_taken_port_is_named(folder: Path) -> None:
    stack = bring_up(folder, "redis")
    run_devstack(folder, "down")
    port = int(stack.addresses["redis"].rpartition(":")[2].removesuffix("/0"))
    with socket.create_server(("127.0.0.1", port)):
        refused = run_devstack(folder, "up", "redis")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith(f"devstack: port {port} (redis) ")
    assert "taken by another process: end that process" in refused.stderr


def test_a_daemon_that_does_not_come_up_says_why(folder: Path) -> None:
    (folder / "redis").mkdir(parents=True)
    (folder / "redis" / "appendonly.aof").write_text("not a log of writes")
    refused = run_devstack(folder, "up", "redis")
    assert refused.returncode == 1
    assert "devstack: redis ended before it answered; its log says: " in refused.stderr
    assert refused.stderr.endswith(f"see {folder}/redis/daemon.log\n")
    assert "Bad file format reading the append only file" in run_devstack(folder, "logs", "redis").stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["restart", "redis"], "devstack: there is no stack in "),
        (
            ["up", "rabbit"],
            "devstack up: error: argument SERVICE: expected one of redis, kafka, hdfs",
        ),
        (["--folder", "a b", "up"], "holds ' ', which HDFS cannot have in a path: choose another --folder"),
    ],
)
def test_a_wrong_command_ends_with_one_line(folder: Path, arguments: list[str], line: str) -> None:
    refused = run_devstack(folder, *arguments)
    assert refused.returncode != 0
    assert line in refused.stderr.splitlines()[-1]
