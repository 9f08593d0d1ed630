"""What one rank does inside its Spark task: its GPU and threads, its shard, the loop, its reports.

TensorFlow is imported only when a rank runs: the driver and Spark's Python workers also load this module.
Reports are small JSON files beside the checkpoints, since a rank's output reaches the driver only at its end.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.training_config import Precision, TrainingConfig
from pipelines.errors import MalgilError
from pipelines.feed import Shard, SnapshotFacts, training_batches, validation_batches

if TYPE_CHECKING:
    from models.collective import Ranks
    from models.training import Feeds, Progress

OURS = ("models", "pipelines")
PROGRESS_EVERY_S = 0.5
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


@dataclass(frozen=True)
class RankResult:
    """What a rank brings back: plain values, as Spark's worker reads it too, without TensorFlow."""

    history: list[dict[str, float]]
    best_epoch: int
    weights_hash: str
    first_step_at: float | None


def run_rank(task: RankTask) -> RankResult:
    """Train as one of the ranks that Horovod started; a failure is reported, then raised."""
    try:
        return _run_rank(task)
    except BaseException as error:  # an exit code alone would tell the driver nothing
        _report_failure(task.run_url, error)
        raise


def _run_rank(task: RankTask) -> RankResult:
    take_gpu()
    with _hidden("sklearn", "matplotlib"):
        import keras
    import tensorflow as tf

    from models.checkpoints import Checkpoints
    from models.collective import Ranks, join_ranks
    from models.training import train
    from models.weights import read_variables, save_npz

    tf.config.threading.set_intra_op_parallelism_threads(task.threads)
    tf.config.threading.set_inter_op_parallelism_threads(task.threads)
    keras.config.set_dtype_policy(_precision_policy(task.config.precision))
    ranks = join_ranks() if task.config.ranks > 1 else Ranks()
    network = task.build_network(task.facts.inputs, classes=task.facts.classes, config=task.network_config)
    trained = train(
        network,
        _feeds(task, ranks),
        task.config,
        checkpoints=Checkpoints(task.run_url, task.run_name),
        ranks=ranks,
        on_progress=_progress_reporter(task.run_url) if ranks.is_first else None,
    )
    if ranks.is_first:
        weights = [v for v in network.variables if "seed_generator" not in v.path]
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
    from models.training import Feeds

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


def _progress_reporter(run_url: str) -> Callable[["Progress"], None]:
    from models.weights import write_bytes

    reported_at = 0.0

    def report(progress: "Progress") -> None:
        nonlocal reported_at
        now = time.monotonic()
        if now - reported_at >= PROGRESS_EVERY_S or progress.rows == progress.total_rows:
            reported_at = now
            write_bytes(progress_url(run_url), json.dumps({**vars(progress), "pid": os.getpid()}).encode())

    return report


def _report_failure(run_url: str, error: BaseException) -> None:
    """Type and place of an error; its text only where it is our own, which never quotes a message."""
    from models.weights import write_bytes

    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [f"{file.parent.name}/{file.name}:{line}" for file, line in frames if file.parent.name in OURS]
    is_own = isinstance(error, MalgilError)
    report = {
        "rank": int(os.environ.get("HOROVOD_RANK", "0")),
        "at": time.time(),
        "error": type(error).__name__,
        "place": ours[-1] if ours else "",
        "text": str(error) if is_own else "",
        "lost_another": not is_own and "orovod" in str(error),  # TensorFlow calls it an UnknownError
    }
    write_bytes(failure_url(run_url, report["rank"]), json.dumps(report).encode())


def progress_url(run_url: str) -> str:
    """Where the first rank says how far training is."""
    return f"{run_url}/progress.json"


def failure_url(run_url: str, rank: Any) -> str:
    """Where a rank says why it failed."""
    return f"{run_url}/failure-{rank}.json"
