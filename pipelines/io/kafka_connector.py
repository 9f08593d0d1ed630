"""Spark's Kafka connector: jars that PySpark does not bring, handed over with a job that needs them."""

from collections.abc import Mapping

from pipelines.io.jars import fetch_jars
from pipelines.io.spark_properties import CONF

CONNECTOR_LOCK = CONF / "spark" / "kafka_connector.lock"
_ARTIFACT = "spark-sql-kafka"


def add_kafka_connector(properties: Mapping[str, str]) -> dict[str, str]:
    """Spark's properties with the connector's jars in `spark.jars`; on YARN they travel with the application.

    Where `spark.jars` or `spark.jars.packages` names a connector already, that one is taken. The jars are fetched
    once, and checked; raises MalgilError where they cannot be.
    """
    given = properties.get("spark.jars", "")
    if _ARTIFACT in given or _ARTIFACT in properties.get("spark.jars.packages", ""):
        return dict(properties)
    jars = sorted(str(path) for path in fetch_jars(CONNECTOR_LOCK).glob("*.jar"))
    return {**properties, "spark.jars": ",".join(filter(None, [given, *jars]))}
