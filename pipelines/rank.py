"""What one rank does inside its Spark task: its shard, the loop, its reports.

TensorFlow is imported only when a rank runs: the driver and Spark's Python workers also load this module.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from models.calibration import Calibration
from models.class_weights import weigh_classes
from models.training_config import TrainingConfig
from pipelines.compute import prepare_compute
from pipelines.errors import MalgilError
from pipelines.feed import Shard, SnapshotFacts, training_batches, validation_batches
from pipelines.fixed_vectors import set_vectors
from pipelines.growth import is_pause_asked
from pipelines.length_buckets import LengthBuckets
from pipelines.rank_reports import progress_reporter, report_failure

if TYPE_CHECKING:
    from models.training_run import Feeds

VALIDATION_BATCH = 1024  # no gradients to hold, so more rows than training's


@dataclass(frozen=True)
class RankTask:
    """All that a rank is told."""

    facts: SnapshotFacts
    build_network: Callable[..., Any]
    network_config: Any
    config: TrainingConfig
    run_url: str  # checkpoints and reports
    run_name: str  # names the input and the settings
    threads: int  # cores of the Spark task
    ranks: int  # that train together; fewer than in the config after a loss
    initial_weights: str = ""  # URL of the weights to start from; empty: the network's own


@dataclass(frozen=True)
class RankResult:
    """What a rank brings back: plain values, as Spark's worker reads it too, without TensorFlow."""

    history: list[dict[str, float]]
    best_epoch: int
    weights_hash: str
    first_step_at: float | None
    calibration: Calibration
    scope_threshold: float


def run_rank(task: RankTask) -> RankResult | None:
    """Train as one of the ranks that Horovod started; a failure is reported, then raised.

    None if training paused (`pipelines.growth`).
    """
    try:
        return _run_rank(task)
    except BaseException as error:  # an exit code alone would tell the driver nothing
        report_failure(task.run_url, error)
        raise


def _run_rank(task: RankTask) -> RankResult | None:
    from horovod.spark.task import get_available_devices  # what its parent, the Spark task, was given

    prepare_compute(get_available_devices(), threads=task.threads, precision=task.config.precision)
    from models.checkpoints import Checkpoints
    from models.collective import Ranks, join_ranks
    from models.steps import find_flexible
    from models.training import Paused, train
    from models.weights import assign_variables, load_npz, read_variables, save_npz

    ranks = join_ranks() if task.ranks > 1 else Ranks()
    build = partial(task.build_network, task.facts.inputs, classes=task.facts.classes, config=task.network_config)
    network, trainee = build(), build(ranks=ranks)
    set_vectors(network, task.facts)
    weights = [v for v in network.variables if "seed_generator" not in v.path]
    if task.initial_weights and ranks.is_first:  # the others are given the first one's
        assign_variables(weights, load_npz(task.initial_weights)[0]["weights"])
    try:
        trained = train(
            network,
            open_feeds(task.facts, task.config, Shard(ranks.rank, ranks.size), flexible=find_flexible(trainee)),
            task.config,
            checkpoints=Checkpoints(task.run_url, task.run_name),
            ranks=ranks,
            trainee=trainee,
            on_progress=progress_reporter(task.run_url) if ranks.is_first else None,
            is_pause_asked=partial(is_pause_asked, task.run_url),
        )
    except Paused:
        return None
    if ranks.is_first:
        save_npz(f"{task.run_url}/weights.npz", {"weights": read_variables(weights)})
    return RankResult(**vars(trained))


def open_feeds(
    facts: SnapshotFacts, config: TrainingConfig, shard: Shard, *, flexible: Collection[str] = ()
) -> "Feeds":
    """A rank's batches of the snapshot's training and validation split; rows of `flexible` features may be cut.

    Raises MalgilError where rows are to count by their classes and the facts do not say how many each class has.
    """
    from models.training_run import Feeds

    cut = flexible if config.length_buckets > 1 else ()
    buckets = LengthBuckets({name: facts.inputs[name].length for name in cut}, config.length_buckets)
    return Feeds(
        rows=facts.rows["train"],
        training=lambda epoch: training_batches(
            facts,
            shard,
            epoch=epoch,
            batch_size=config.batch_size,
            pool_rows=config.shuffle_rows,
            seed=config.seed,
            buckets=buckets,
        ),
        validation=lambda: validation_batches(facts, shard, batch_size=VALIDATION_BATCH, buckets=buckets),
        has_targets=facts.has_targets,
        class_weights=_weigh_classes(facts, config),
    )


def _weigh_classes(facts: SnapshotFacts, config: TrainingConfig) -> npt.NDArray[np.float32] | None:
    if not config.class_balance:
        return None
    if not (facts.label_counts and 0 < config.class_balance < 1):
        raise MalgilError(
            "training.class_balance: expected a number from 0 to below 1, and 0 where labels are no classes (replies), "
            f"received {config.class_balance} and {len(facts.label_counts)} classes"
        )
    return weigh_classes(facts.label_counts, config.class_balance)
