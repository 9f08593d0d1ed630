"""The door: what it lists, what it explains and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.__main__ import describe_settings, find_jobs, main, name_argument
from jobs.submission import PROJECT, open_submission


def test_jobs_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert set(find_jobs()) == {
        "generate_messages", "clean_messages", "build_training_set", "train_intent", "evaluate_intent",
        "predict_batch", "predict_stream", "collect_feedback", "learn_from_feedback", "nightly",
        "stage_model", "swap_slots", "rollback_model", "restore_predictions", "serve", "leaderboard",
        "pretrain_embeddings", "train_reply", "train_seq2seq", "train_slots", "train_bots",
        "build_knowledge_base", "tune", "trace", "console", "drift",
    }  # fmt: skip
    assert "clean_messages        Clean raw chat logs" in shown


def test_a_reader_may_stop_before_the_end() -> None:
    door = subprocess.Popen(
        [sys.executable, "-m", "jobs", "nightly", "--help"], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert door.stdout
    assert door.stderr
    door.stdout.close()
    assert door.stderr.read() == b""
    assert door.wait() == 1


def test_help_shows_a_jobs_settings_with_defaults_and_comments() -> None:
    shown = describe_settings("clean_messages")
    assert "min_chars: 2  # fewer" in shown
    assert "dataset presets: 3i4k, massive_ko, nsmc, songys_chatbot" in shown
    assert "learning_rate" not in shown


def test_a_job_without_spark_has_none_of_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    shown = describe_settings("serve")
    assert "batch_rows: 64" in shown
    assert "yarn:" not in shown
    assert main(["serve", "spark.executor.memory=4g"]) == 1
    assert "serve: expected no property of Spark" in capsys.readouterr().err


def test_a_bare_argument_is_for_the_setting_that_the_job_names() -> None:
    assert name_argument("trace", ["0123:가", "redis.url=embedded"]) == [
        'trace.message_id="0123:가"',
        "redis.url=embedded",
    ]
    assert name_argument("trace", ["trace.message_id=a"]) == ["trace.message_id=a"]
    assert name_argument("nightly", ["a"]) == ["a"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nigthly"], "there is no job nigthly"),
        (["nightly", "--conf", "mesos"], "--conf: expected local or yarn, received 'mesos'"),
        (["nightly", "--conf"], "--conf: expected local or yarn, received ''"),
    ],
)
def test_what_does_not_exist_is_refused_before_spark_starts(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert line in capsys.readouterr().err


def test_a_job_on_this_machine_cannot_be_detached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean_messages", "--detach"]) == 1
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["status"] == "failed"
    assert summary["error"].startswith("--detach: expected a driver in a cluster")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["clean_messages", "store.root=var/store"], "store.root: expected a URL that all nodes reach"),
        (["clean_messages", "cleaning.near=true"], "there is no setting cleaning.near"),
        (
            ["train_intent", "store.root=hdfs://h:1/m", "mlflow.tracking_uri=sqlite:///mlflow.db"],
            "mlflow.tracking_uri: expected a server that all nodes reach, such as http://host:5000, found 'sqlite:",
        ),
    ],
)
def test_what_no_node_could_use_is_refused_before_yarn_is_asked(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HADOOP_CONF_DIR", str(tmp_path))
    assert main([*arguments, "--conf", "yarn"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"].startswith(line)


def test_yarn_needs_the_clusters_configuration(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HADOOP_CONF_DIR", raising=False)
    assert main(["clean_messages", "--conf", "yarn"]) == 1
    assert "clean_messages failed: HADOOP_CONF_DIR: expected the folder" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "is_stream"), [("predict_stream", True), ("predict_batch", False)])
def test_a_stream_has_properties_for_many_small_micro_batches(name: str, is_stream: bool) -> None:
    connector = "spark.jars.packages=org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.2"  # none is fetched then
    submission = open_submission(name, [connector], conf="local", run_id="1")
    assert ("-XX:Tier4" in submission.properties.get("spark.driver.defaultJavaOptions", "")) == is_stream
