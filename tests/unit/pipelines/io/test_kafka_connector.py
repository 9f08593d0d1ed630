"""Spark's Kafka connector: a user's own one is taken instead of ours."""

import pytest

from pipelines.io.kafka_connector import add_kafka_connector


@pytest.mark.parametrize(
    "properties",
    [
        {"spark.jars.packages": "org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.2"},
        {"spark.jars": "/opt/jars/spark-sql-kafka-0-10_2.13-4.0.2.jar,/opt/jars/kafka-clients-3.9.1.jar"},
    ],
)
def test_a_connector_of_ones_own_is_taken(properties: dict[str, str]) -> None:
    assert add_kafka_connector(properties) == properties
