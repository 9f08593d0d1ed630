"""What every tier shares: one Spark session for the whole run."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from pipelines.io.session import create_session


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    session = create_session("malgil-tests", spark_master="local[2]", spark_sql_shuffle_partitions="2")
    yield session
    session.stop()
