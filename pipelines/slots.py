"""Spark's task slots: how many ranks can run at once."""

import time

from pyspark.sql import SparkSession

from models.training_config import TrainingConfig
from pipelines.errors import MalgilError

SLOTS_ASKED_EVERY_S = 1.0
NEW_EXECUTOR_S = 15.0  # for what a cluster takes to replace an executor; then the ranks that are left go on


def count_slots(spark: SparkSession) -> int:
    """Tasks that can run at once on the executors that there are."""
    context = spark.sparkContext._jsc.sc()
    return int(context.maxNumConcurrentTasks(context.resourceProfileManager().defaultResourceProfile()))


def await_slots(spark: SparkSession, config: TrainingConfig) -> int:
    """How many ranks can run: all of them if their slots come soon, else `min_ranks` or more.

    Raises MalgilError when there are fewer after `start_timeout_s`.
    """
    started = time.monotonic()
    while (slots := count_slots(spark)) < config.ranks:
        waited = time.monotonic() - started
        if slots >= config.min_ranks and waited > NEW_EXECUTOR_S:
            return slots
        if waited > config.start_timeout_s:
            raise MalgilError(too_few_slots(config.min_ranks, found=f"{slots} within {config.start_timeout_s} s"))
        time.sleep(SLOTS_ASKED_EVERY_S)
    return config.ranks


def too_few_slots(ranks: int, *, found: str) -> str:
    """The message for ranks that have no place to run."""
    return (
        f"Too few task slots for the ranks: expected training.ranks={ranks} free ones, found {found}; "
        "lower training.ranks, or give Spark more cores or executors."
    )
