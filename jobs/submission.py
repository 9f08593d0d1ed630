"""A job's submission: what is handed to spark-submit, or to Python where the job needs no Spark."""

import ast
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pipelines.errors import MalgilError
from pipelines.io.kafka_connector import add_kafka_connector
from pipelines.io.spark_properties import CONF, merge_properties, write_properties

PROJECT = CONF.parent
JOBS = PROJECT / "jobs"
SUBMISSION = "MALGIL_SUBMISSION"  # environment variable by which a driver is told how its run was begun, as JSON
Summary = dict[str, Any]


@dataclass(frozen=True)
class Submission:
    """A job with its settings, under a configuration's Spark properties."""

    name: str
    settings: tuple[str, ...]
    conf: str
    run_id: str
    properties: Mapping[str, str]  # all of Spark's
    store: str = ""  # on YARN: the store's root
    environment: tuple[str, ...] = ()  # on YARN: names of the shell's variables that a driver on a node needs
    start_timeout_s: float = 0.0  # on YARN: in which a driver must have started
    time_limit_s: float = 0.0  # after which the run is ended; 0: never
    begun: Mapping[str, Any] = field(default_factory=dict)  # how: run_records.Submitted has the names

    @property
    def told(self) -> dict[str, str]:
        """The variable that tells the driver how its run was begun."""
        return {SUBMISSION: json.dumps(self.begun, ensure_ascii=False)}

    @property
    def log(self) -> Path:
        return PROJECT / "var" / "logs" / f"{self.name}-{self.run_id}.log"

    @property
    def needs_spark(self) -> bool:
        return needs_spark(self.name)

    @property
    def is_on_yarn(self) -> bool:
        return self.needs_spark and self.properties["spark.master"] == "yarn"

    @property
    def is_in_cluster(self) -> bool:
        """Whether the driver runs on a node."""
        return self.is_on_yarn and self.properties.get("spark.submit.deployMode") == "cluster"

    @property
    def is_live(self) -> bool:
        """Whether it runs until it is stopped, and finishes its work then."""
        return "live" in find_sections(self.name)


@dataclass(frozen=True)
class Ending:
    """How a submission ended: spark-submit's exit code, and what the job reported, if it did."""

    code: int
    summary: Summary | None
    fault: str = ""  # why there is no summary
    cancelled: str = ""  # why it was ended from outside, where it was


def make_run_id() -> str:
    """A time and the process: runs sort by their start."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{os.getpid()}"


def open_submission(
    name: str,
    arguments: Sequence[str],
    *,
    conf: str,
    run_id: str,
    time_limit_s: float = 0.0,
    begun: Mapping[str, Any] | None = None,
) -> Submission:
    """The submission of `section.key=value` settings and `spark.property=value` properties.

    On YARN the settings are read now, a wrong one must not wait for a container, and what the nodes need is put into
    the store. Raises MalgilError.
    """
    given = dict(argument.split("=", 1) for argument in arguments if is_property(argument))
    settings = tuple(argument for argument in arguments if not is_property(argument))
    if given and not needs_spark(name):
        raise MalgilError(f"{name}: expected no property of Spark, which it does not use, found {', '.join(given)}")
    properties = merge_properties(conf, given, is_stream="live" in find_sections(name))
    if "kafka" in find_sections(name):
        properties = add_kafka_connector(properties)
    how = {"arguments": list(arguments), "conf": conf, **(begun or {})}
    submission = Submission(name, settings, conf, run_id, properties, time_limit_s=time_limit_s, begun=how)
    if not submission.is_on_yarn:
        return submission
    from jobs.on_yarn import prepare_yarn  # reads all settings: the seconds of importing PySpark

    return prepare_yarn(submission)


def is_property(argument: str) -> bool:
    return argument.startswith("spark.") and "=" in argument


def find_sections(name: str) -> tuple[str, ...]:
    """The sections of the settings that a job reads."""
    assigned = (node for node in _parse_job(name).body if isinstance(node, ast.Assign))
    return tuple(next(ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "SECTIONS"))


def find_argument(name: str) -> str | None:
    """The setting that a job's bare first argument is for; None of a job that takes none."""
    assigned = (node for node in _parse_job(name).body if isinstance(node, ast.Assign))
    values = (ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "ARGUMENT")
    return next(values, None)


def needs_spark(name: str) -> bool:
    """Whether the job's file ends with `main`, and not with `main_without_spark`."""
    return all(getattr(node, "id", "") != "main_without_spark" for node in ast.walk(_parse_job(name)))


def start_driver(submission: Submission, folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """The job as a process of this machine, with all its output in the log."""
    if submission.needs_spark:
        return start_spark_submit(submission, folder, environment)
    command = [sys.executable, str(JOBS / f"{submission.name}.py"), *submission.settings]
    return _start(submission, command, environment)


def start_spark_submit(submission: Submission, folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """spark-submit as a process with all its output in the log; `folder` holds its properties while it starts."""
    properties = folder / "spark.conf"
    write_properties(properties, submission.properties)
    command = [
        str(Path(sys.executable).parent / "spark-submit"),
        "--properties-file", str(properties), str(JOBS / f"{submission.name}.py"), *submission.settings,
    ]  # fmt: skip
    ours = {**environment, "SPARK_HOME": f"{sysconfig.get_path('purelib')}/pyspark"}  # PySpark's own, of this version
    return _start(submission, command, ours)


def end_application(application: str) -> bool:
    """End an application on YARN; whether that worked.

    In a process of its own: PySpark's gateway forks, which must not happen beside the threads of hdfs-native.
    """
    ended = subprocess.run([sys.executable, "-m", "jobs", "kill", application], cwd=PROJECT, check=False)
    return ended.returncode == 0


def _start(submission: Submission, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with submission.log.open("ab") as output:
        return subprocess.Popen(
            command, env=environment, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip


def _parse_job(name: str) -> ast.Module:
    """The job's file, not imported: that would take seconds."""
    return ast.parse((JOBS / f"{name}.py").read_text(encoding="utf8"))
