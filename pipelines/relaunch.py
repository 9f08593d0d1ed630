"""Training that outlives its ranks: started again from the last checkpoint, with as many ranks as there are slots.

A rank is lost with its process, its executor or its node. The ranks that are left cannot take in another one, so
all are started anew; `horovod.spark.run_elastic` promises more, but did not recover (docs/decisions.md).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from pyspark.sql import SparkSession

from models.checkpoints import Checkpoints
from models.training_config import TrainingConfig
from pipelines.errors import MalgilError
from pipelines.rank import RankResult, RankTask

log = logging.getLogger(__name__)
Launch = Callable[[RankTask], list[RankResult]]
SLOTS_ASKED_EVERY_S = 1.0
NEW_EXECUTOR_S = 15.0  # for what a cluster takes to replace an executor; then the ranks that are left go on


class RankLostError(MalgilError):
    """A rank's process ended without a report: killed, out of memory, or gone with its node."""


def launch_until_done(spark: SparkSession, task: RankTask, launch: Launch) -> list[RankResult]:
    """The results of `launch`, which is called again after each lost rank.

    A loss costs the steps since the last checkpoint and a start of the ranks. It raises the last RankLostError after
    `max_losses` in a row that brought no new checkpoint, and any other error of `launch` at once.
    """
    checkpoints, ranks, losses = Checkpoints(task.run_url, task.run_name), task.ranks, 0
    while True:
        place = checkpoints.newest()
        try:
            return launch(replace(task, ranks=ranks))
        except RankLostError:
            losses = losses + 1 if checkpoints.newest() == place else 1
            if losses > task.config.max_losses:
                raise
        log.warning("a rank of %d was lost (%d in a row); training goes on from its last checkpoint", ranks, losses)
        ranks = _await_slots(spark, task.config)


def _await_slots(spark: SparkSession, config: TrainingConfig) -> int:
    """How many ranks can run: all of them if their slots come back soon, else `min_ranks` or more."""
    started = time.monotonic()
    while (slots := count_slots(spark)) < config.ranks:
        waited = time.monotonic() - started
        if slots >= config.min_ranks and waited > NEW_EXECUTOR_S:
            return slots
        if waited > config.start_timeout_s:
            raise too_few_slots(config.min_ranks, found=f"{slots} within {config.start_timeout_s} s")
        time.sleep(SLOTS_ASKED_EVERY_S)
    return config.ranks


def count_slots(spark: SparkSession) -> int:
    """Tasks that can run at once on the executors that there are."""
    context = spark.sparkContext._jsc.sc()
    return int(context.maxNumConcurrentTasks(context.resourceProfileManager().defaultResourceProfile()))


def too_few_slots(ranks: int, *, found: str) -> MalgilError:
    """For ranks that have no place to run."""
    return MalgilError(
        f"Too few task slots for the ranks: expected training.ranks={ranks} free ones, found {found}; "
        "lower training.ranks, or give Spark more cores or executors."
    )
