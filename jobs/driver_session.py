"""The Spark session of a driver: how it begins, and how it ends when a signal ends the run.

Python waits for Spark on one connection a thread. A signal leaves the main thread's waiting for an answer that is still
to come, so whatever ends Spark then has to come from another thread.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from py4j.protocol import Py4JError  # type: ignore[import-untyped]  # it has no types
from pyspark import SparkContext
from pyspark.sql import SparkSession

from jobs.stopping import RunCancelled
from pipelines.io.session import create_session

log = logging.getLogger("malgil")

_STOP_S = 20.0  # for Spark to stop under a cancelled run; its process ends in any case


@contextmanager
def open_session(name: str) -> Iterator[SparkSession]:
    """The session, which is stopped behind the block."""
    spark = create_session(name)
    is_cancelled = False
    try:
        yield spark
    except RunCancelled:
        is_cancelled = True
        raise
    finally:
        if is_cancelled:
            stopping = Thread(target=_stop, args=(spark,), daemon=True)
            stopping.start()
            stopping.join(_STOP_S)
        else:
            spark.stop()


def cancel_jobs(context: SparkContext) -> None:
    """End all that Spark does for this driver; from any thread but the one that a signal interrupted."""
    try:
        context.cancelAllJobs()
    except (Py4JError, OSError):  # the signal may have reached Spark first
        log.warning("Spark had ended before its work could be cancelled")


def _stop(spark: SparkSession) -> None:
    try:
        spark.stop()
    except (Py4JError, OSError):
        log.warning("Spark had ended before it could be stopped")
