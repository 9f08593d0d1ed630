"""Training on Spark: Horovod starts one rank a task slot, the driver watches and collects."""

import io
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from pyspark.sql import SparkSession

from models.calibration import Calibration
from models.training_config import TrainingConfig
from pipelines.compute import environment_of
from pipelines.errors import MalgilError
from pipelines.feed import SnapshotFacts, read_facts
from pipelines.launches import Launches, LaunchRecord
from pipelines.rank import RankResult, RankTask, run_rank
from pipelines.rank_reports import ProgressListener, find_failure, remove_reports, watched
from pipelines.relaunch import RankLostError, RanksMissingError, launch_until_done
from pipelines.slots import count_slots, too_few_slots
from pipelines.speculation import without_speculation

log = logging.getLogger(__name__)
STALL_S = 600  # a rank that the others have waited for so long is given up, and training with it


@dataclass(frozen=True)
class TrainingResult:
    """What training came to."""

    history: list[dict[str, float]]  # an epoch's loss, accuracy, validation_loss, validation_accuracy, …
    best_epoch: int  # from 1; its weights were kept
    ranks: int
    epochs: int  # done, in this run and those it resumed
    rows_per_s: float  # over all ranks, while training; the median epoch's
    seconds_to_first_step: float | None  # until the first step was done; None if none was left
    weights_hashes: list[str]  # of every rank's weights, all equal
    launches: list[LaunchRecord]  # the ranks' starts, of this run and those it resumed
    weights_url: str  # .npz of the best weights: models.weights.load_npz, group "weights"
    calibration: Calibration  # of these weights, by the validation split
    scope_threshold: float  # likewise (models.scope)


def train_on_spark(
    spark: SparkSession,
    snapshot_url: str,
    config: TrainingConfig,
    *,
    build_network: Callable[..., Any],
    network_config: Any,
    run_url: str,
    features: Sequence[str] = (),
    label_counts: Sequence[int] = (),
    on_progress: ProgressListener | None = None,
    initial_weights: str = "",
) -> TrainingResult:
    """Train `build_network(inputs, classes=…, config=network_config)` on the snapshot's train split.

    Its inputs are the snapshot's `features`, all of them where none is named. `label_counts` are its training rows of
    each class, which `config.class_balance` asks for.
    Checkpoints, reports and the weights stand under `run_url`: a killed run of the same snapshot and settings
    goes on from its last checkpoint there, a finished one only restores its weights. One that loses a rank goes
    on by itself, and takes in new executors (`pipelines.relaunch`). `initial_weights` is a file as `weights_url`, to
    start from. Call it from the main thread, since Horovod sets signal handlers. `on_progress` gets rows done and rows
    in all, from a thread. A rank's failure, or too few task slots within `start_timeout_s`, raises MalgilError.
    """
    facts = replace(read_facts(snapshot_url, features), label_counts=label_counts)
    _check_shards(facts, config)
    _check_slots(spark, config)
    task = RankTask(
        facts,
        build_network,
        network_config,
        config,
        run_url,
        run_name=_name_run(facts, build_network, network_config, config, initial_weights),
        threads=int(spark.sparkContext.getConf().get("spark.task.cpus", "1")),
        ranks=config.ranks,
        initial_weights=initial_weights,
    )
    started_at = time.time()
    with watched(run_url, on_progress), without_speculation(spark):  # a rank's copy would be one rank too many
        trained = launch_until_done(spark, task, partial(_launch, spark))
    return _summarize(trained, task, started_at)


def _launch(spark: SparkSession, task: RankTask) -> list[RankResult] | None:
    """Every rank's result, in order, or None: they paused.

    Raises RankLostError, or MalgilError for what another try would not mend.
    """
    import horovod.spark
    from horovod.runner import launch
    from horovod.runner.util.network import get_local_intfs

    # Horovod asks its TensorFlow extension whether it has Gloo, in a fork that imports TensorFlow: seconds in
    # which nothing else runs. Set-up has proved it, and without Gloo the ranks fail when they meet.
    launch.gloo_built = _has_gloo
    is_local = _is_local(spark)
    remove_reports(task.run_url, task.config.ranks)
    with _signals_noted() as has_signal:
        try:
            ranks: list[RankResult | None] = horovod.spark.run(
                run_rank,
                args=(task,),
                num_proc=task.ranks,
                start_timeout=task.config.start_timeout_s,
                use_gloo=True,
                env=_environment(task, is_local=is_local),
                nics=get_local_intfs() if is_local else None,
                executable=os.environ["PYSPARK_PYTHON"],  # what executors run; nodes do not have the driver's Python
                stdout=_LogLines(),
                stderr=_LogLines(),
                verbose=0,
            )
        except Exception as error:
            raise (_interrupted() if has_signal() else _explain(task, error)) from error
    return [rank for rank in ranks if rank] or None


def _has_gloo(verbose: bool = False) -> bool:  # noqa: ARG001  # Horovod's signature
    return True


def _is_local(spark: SparkSession) -> bool:
    return str(spark.sparkContext.master).startswith("local")


def _environment(task: RankTask, *, is_local: bool) -> dict[str, str]:
    """Set before the ranks start: cores, silence, an end to waiting, in local mode the driver's import path.

    On a cluster, Spark's own --py-files and archives say where the executors import from.
    """
    environment = {
        **environment_of(task.threads),
        "HOROVOD_GLOO_TIMEOUT_SECONDS": str(STALL_S),  # by default 30, less than a busy machine's ranks may differ
        "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": str(STALL_S),
    }
    return {**environment, "PYTHONPATH": os.pathsep.join(sys.path)} if is_local else environment


def _check_shards(facts: SnapshotFacts, config: TrainingConfig) -> None:
    groups = facts.row_groups["train"]
    if groups < config.ranks:
        raise MalgilError(
            f"Too few row groups to share: expected training.ranks={config.ranks} or more, "
            f"found {groups} in {facts.url}/train; lower training.ranks or build more shards."
        )


def _check_slots(spark: SparkSession, config: TrainingConfig) -> None:
    """Local slots are fixed, so there is nothing to wait for; a cluster's may come until the timeout."""
    if _is_local(spark) and (slots := count_slots(spark)) < config.ranks:
        raise MalgilError(too_few_slots(config.ranks, found=str(slots)))


def _name_run(
    facts: SnapshotFacts, build_network: Any, network_config: Any, config: TrainingConfig, initial_weights: str
) -> str:
    """Equal for equal input and settings: a checkpoint is resumed only under the same name."""
    settings = asdict(config)
    for name in ("start_timeout_s", "min_ranks", "max_losses"):  # they change no result
        del settings[name]
    network = [f"{build_network.__module__}.{build_network.__qualname__}", asdict(network_config)]
    parts = [asdict(facts), network, settings, *([initial_weights] if initial_weights else [])]
    return json.dumps(parts, sort_keys=True, default=str)


def _interrupted() -> MalgilError:
    return MalgilError("Training was interrupted; run it again to go on from the last checkpoint.")


def _explain(task: RankTask, error: Exception) -> MalgilError:
    """The first failure of a rank's own; else a rank died without a word, or they never came together."""
    if first := find_failure(task.run_url, task.ranks):
        reason = first["text"] or f"{first['error']} at {first['place']}; the ranks' output is in the log"
        return MalgilError(f"Training failed on rank {first['rank']} of {task.ranks}: {reason}")
    if type(error).__name__ == "TimeoutException":
        return RanksMissingError(too_few_slots(task.ranks, found=f"fewer within {task.config.start_timeout_s} s"))
    return RankLostError(
        f"Training stopped: expected {task.ranks} ranks to finish, a rank's process ended without a report; if its "
        "memory was short, raise spark.executor.memoryOverhead; run it again to go on from the last checkpoint."
    )


def _summarize(ranks: list[RankResult], task: RankTask, started_at: float) -> TrainingResult:
    first = ranks[0]
    hashes = {rank.weights_hash for rank in ranks}
    if len(hashes) > 1:
        raise MalgilError(
            f"The ranks disagree: expected equal weights on {len(ranks)} ranks, found {len(hashes)} kinds; "
            "the network or its optimizer bypasses the average of gradients."
        )
    rates = sorted(epoch["rows_per_s"] for epoch in first.history)
    to_first_step = first.first_step_at - started_at if first.first_step_at else None
    return TrainingResult(
        history=first.history,
        best_epoch=first.best_epoch,
        ranks=len(ranks),
        epochs=len(first.history),
        rows_per_s=rates[len(rates) // 2],
        seconds_to_first_step=to_first_step,
        weights_hashes=[rank.weights_hash for rank in ranks],
        launches=Launches(task.run_url).records,
        weights_url=f"{task.run_url}/weights.npz",
        calibration=first.calibration,
        scope_threshold=first.scope_threshold,
    )


@contextmanager
def _signals_noted() -> Iterator[Callable[[], bool]]:
    """Tells whether one of the signals came that end a program.

    Horovod replaces their handlers, then ends the ranks as if they had been lost, and leaves its handlers behind.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    reader, writer = os.pipe2(os.O_NONBLOCK)
    before = signal.set_wakeup_fd(writer)  # gets every signal's number, whoever handles it
    os.write(writer, b"\0")  # so that there is something to read
    try:
        yield lambda: any(number in handlers for number in os.read(reader, 4096))
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


class _LogLines(io.TextIOBase):
    """A text stream whose lines go to the log: the ranks' output, kept off the terminal."""

    def write(self, text: str) -> int:
        for line in text.splitlines():
            log.info("%s", line)
        return len(text)
