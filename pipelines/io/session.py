"""The Spark session: its one home. Under spark-submit its settings are those that were submitted."""

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

from pipelines.io.spark_properties import read_properties

PROJECT = Path(__file__).resolve().parents[2]
LOCAL_CONF = PROJECT / "conf" / "spark" / "local.conf"


def create_session(name: str, *, properties: Path = LOCAL_CONF, **overrides: str) -> SparkSession:
    """The running session, or a new one.

    A job that was submitted takes spark-submit's properties; a notebook, a test or a benchmark takes the
    properties file, and `overrides` with `_` for `.` (`spark_master="local[1]"`) over it.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else executors may take another Python
    builder = SparkSession.builder.appName(name)
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        for key, value in {**read_properties(properties), **_dotted(overrides)}.items():
            builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("WARN")
    return session


def _dotted(overrides: dict[str, str]) -> dict[str, str]:
    return {key.replace("_", "."): value for key, value in overrides.items()}
