"""What one rank does inside its Spark task: its GPU and threads, its shard, the loop, its reports.

TensorFlow is imported only when a rank runs: the driver and Spark's Python workers also load this module.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from models.calibration import Calibration
from models.training_config import Precision, TrainingConfig
from pipelines.feed import Shard, SnapshotFacts, training_batches, validation_batches
from pipelines.growth import is_pause_asked
from pipelines.rank_reports import progress_reporter, report_failure

if TYPE_CHECKING:
    from models.collective import Ranks
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
    take_gpu()
    with _hidden("sklearn", "matplotlib"):
        import keras
    import tensorflow as tf

    from models.checkpoints import Checkpoints
    from models.collective import Ranks, join_ranks
    from models.training import Paused, train
    from models.weights import assign_variables, load_npz, read_variables, save_npz

    tf.config.threading.set_intra_op_parallelism_threads(task.threads)
    tf.config.threading.set_inter_op_parallelism_threads(task.threads)
    keras.config.set_dtype_policy(_precision_policy(task.config.precision))
    ranks = join_ranks() if task.ranks > 1 else Ranks()
    build = partial(task.build_network, task.facts.inputs, classes=task.facts.classes, config=task.network_config)
    network = build()
    weights = [v for v in network.variables if "seed_generator" not in v.path]
    if task.initial_weights and ranks.is_first:  # the others are given the first one's
        assign_variables(weights, load_npz(task.initial_weights)[0]["weights"])
    try:
        trained = train(
            network,
            _feeds(task, ranks),
            task.config,
            checkpoints=Checkpoints(task.run_url, task.run_name),
            ranks=ranks,
            trainee=build(ranks=ranks),
            on_progress=progress_reporter(task.run_url) if ranks.is_first else None,
            is_pause_asked=partial(is_pause_asked, task.run_url),
        )
    except Paused:
        return None
    if ranks.is_first:
        save_npz(f"{task.run_url}/weights.npz", {"weights": read_variables(weights)})
    return RankResult(**vars(trained))


@contextmanager
def _hidden(*modules: str) -> Iterator[None]:
    """Inside, these modules cannot be imported, as if they were not installed.

    Keras imports them where they are, for wrappers and pictures that no rank uses: 1.0 of its 3.6 seconds.
    """
    missing = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type]  # None is how Python says "not there"
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def _feeds(task: RankTask, ranks: "Ranks") -> "Feeds":
    from models.training_run import Feeds

    shard, config = Shard(ranks.rank, ranks.size), task.config
    return Feeds(
        rows=task.facts.rows["train"],
        training=lambda epoch: training_batches(
            task.facts,
            shard,
            epoch=epoch,
            batch_size=config.batch_size,
            pool_rows=config.shuffle_rows,
            seed=config.seed,
        ),
        validation=lambda: validation_batches(task.facts, shard, batch_size=VALIDATION_BATCH),
        has_targets=task.facts.has_targets,
    )


def take_gpu() -> None:
    """Show TensorFlow the one GPU that Spark gave this task; a task without one computes on its cores.

    Horovod hands the task's resources to this child process (TaskContext itself lives in its parent). The
    address is the host's own index of the GPU, which CUDA reads from this variable before it starts.
    """
    from horovod.spark.task import get_available_devices

    addresses = get_available_devices()
    os.environ["CUDA_VISIBLE_DEVICES"] = addresses[0] if addresses else "-1"


def _precision_policy(precision: Precision) -> str:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(gpus[0]) if gpus else {}
    has_bfloat16 = details.get("compute_capability", (0, 0)) >= (8, 0)
    wanted = precision is Precision.bfloat16 or (precision is Precision.auto and has_bfloat16)
    return "mixed_bfloat16" if wanted else "float32"
