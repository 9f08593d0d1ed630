"""Executors that do not come: Spark itself waits for them without an end, and says so in its log only."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark import SparkContext
from pyspark.sql import SparkSession

from pipelines.errors import MalgilError
from pipelines.polling import polling

_LOOK_EVERY_S = 1.0


@dataclass(frozen=True)
class YarnConfig:
    """How long a job waits for a place on YARN."""

    start_timeout_s: float = 600.0  # for its driver, then for an executor while work waits; after it the job fails


@contextmanager
def executors_in_time(spark: SparkSession, config: YarnConfig) -> Iterator[None]:
    """Inside, work on YARN that has had no executor for the timeout is given up with a MalgilError.

    It counts anew whenever an executor was there: the last one may be taken away in the middle of the work.
    """
    if spark.sparkContext.master != "yarn":
        yield
        return
    watch = _Watch(spark.sparkContext, config)
    with polling(watch.look, every_s=_LOOK_EVERY_S, name="executors-in-time"):
        try:
            yield
        except Exception as error:
            if watch.has_given_up:
                raise _no_executor(spark.sparkContext, config) from error
            raise


class _Watch:
    """How long work has waited for a first executor."""

    def __init__(self, context: SparkContext, config: YarnConfig) -> None:
        self._context, self._config = context, config
        self._waits_since = time.monotonic()
        self.has_given_up = False

    def look(self) -> bool:
        """Whether it waited too long, and was given up."""
        if not _is_waiting(self._context):
            self._waits_since = time.monotonic()
        elif time.monotonic() - self._waits_since > self._config.start_timeout_s:
            self.has_given_up = True
            self._context.cancelAllJobs()
        return self.has_given_up


def _is_waiting(context: SparkContext) -> bool:
    stores = context._jsc.sc().getExecutorMemoryStatus().size()  # of the executors and the driver
    return stores < 2 and bool(context.statusTracker().getActiveStageIds())


def _no_executor(context: SparkContext, config: YarnConfig) -> MalgilError:
    conf = context.getConf()
    memory, overhead = (conf.get(f"spark.executor.{name}", "its default") for name in ("memory", "memoryOverhead"))
    return MalgilError(
        f"no executor came within yarn.start_timeout_s={config.start_timeout_s:g} s: expected room for one in queue "
        f"{conf.get('spark.yarn.queue', 'default')} (spark.executor.memory {memory}, memoryOverhead {overhead}); see "
        "what runs in the queue and its limits, ask for less, or wait longer"
    )
