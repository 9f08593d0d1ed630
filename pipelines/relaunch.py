"""Training that outlives its ranks: started again from the last checkpoint, with as many ranks as there are slots.

A rank is lost with its process, its executor or its node. The ranks that are left cannot take in another one, so
all are started anew; `horovod.spark.run_elastic` promises more, but did not recover (docs/decisions.md).
"""

import logging
from collections.abc import Callable
from dataclasses import replace

from pyspark.sql import SparkSession

from models.checkpoints import Checkpoints
from pipelines.errors import MalgilError
from pipelines.growth import growth_asked
from pipelines.launches import LaunchEnd, Launches
from pipelines.rank import RankResult, RankTask
from pipelines.slots import await_slots

log = logging.getLogger(__name__)
Launch = Callable[[RankTask], list[RankResult] | None]  # None: the ranks paused


class RankLostError(MalgilError):
    """A rank's process ended without a report: killed, out of memory, or gone with its node."""


class RanksMissingError(RankLostError):
    """The ranks did not come together in time."""


def launch_until_done(spark: SparkSession, task: RankTask, launch: Launch) -> list[RankResult]:
    """The results of `launch`, which is called again after each lost rank, and when there is room for lost ones.

    A loss costs the steps since the last checkpoint and a start of the ranks. It raises the last RankLostError after
    `max_losses` in a row that brought no new checkpoint, and any other error of `launch` at once: of the first one
    also that ranks are missing, as then the settings are wrong.
    """
    checkpoints, launches = Checkpoints(task.run_url, task.run_name), Launches(task.run_url)
    ranks, losses, is_first = task.ranks, 0, True
    while True:
        place = checkpoints.newest()
        launches.begin(ranks, place)
        try:
            with growth_asked(spark, task.run_url, ranks=ranks, wanted=task.config.ranks):
                results = launch(replace(task, ranks=ranks))
            if results:
                launches.end(LaunchEnd.finished)
                return results
            launches.end(LaunchEnd.paused)
        except RankLostError as error:
            launches.end(LaunchEnd.rank_lost)
            losses = losses + 1 if checkpoints.newest() == place else 1
            if losses > task.config.max_losses or (is_first and isinstance(error, RanksMissingError)):
                raise
            log.warning("a rank of %d was lost (%d in a row); training goes on from its last checkpoint", ranks, losses)
        except BaseException:
            launches.end(LaunchEnd.failed)
            raise
        ranks, is_first = await_slots(spark, task.config), False
