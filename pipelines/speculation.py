"""Spark's second copies of slow tasks, held off where one would do a thing twice."""

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession

_SHARE = "spark.speculation.quantile"


@contextmanager
def without_speculation(spark: SparkSession) -> Iterator[None]:
    """Inside, no task of a new stage gets a second copy.

    spark.speculation itself is fixed when Spark starts. But each stage asks anew which share of its tasks must have
    ended before the others may count as slow, and when all have ended none is left.
    """
    conf = spark.sparkContext._jsc.sc().conf()  # the context's own, of which getConf() would be a copy
    share = conf.get(_SHARE, None)
    conf.set(_SHARE, "1.0")
    try:
        yield
    finally:
        conf.set(_SHARE, share) if share else conf.remove(_SHARE)
