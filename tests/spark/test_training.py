"""Ranks that Horovod really starts in Spark's task slots: few starts, as each costs seconds."""

import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from models.checkpoints import Checkpoints
from models.class_weights import weigh_classes
from models.collective import Ranks
from models.training import train
from models.training_config import Decay, Scaling, TrainingConfig
from models.training_run import Feeds
from models.weights import assign_variables, load_npz, read_variables
from pipelines.errors import MalgilError
from pipelines.feed import Shard, read_facts, training_batches, validation_batches
from pipelines.io.snapshots import count_labels
from pipelines.training import TrainingResult, train_on_spark
from tests.tiny_network import (
    CLASSES,
    TinyConfig,
    build_broken_network,
    build_dying_network,
    build_tiny_network,
    write_snapshot,
)

CONFIG = TrainingConfig(
    ranks=2, epochs=4, batch_size=20, learning_rate=0.02, patience=0, average_epochs=0.5, length_buckets=3
)
ROW_GROUPS = [70, 10, 55, 45, 20]  # uneven: 200 rows, 145 of them on one rank


def train_tiny(spark: SparkSession, snapshot: str, run_url: str, **options: object) -> TrainingResult:
    config = options.pop("config", CONFIG)
    network = options.pop("network", TinyConfig(dropout=0.2))
    build = options.pop("build", build_tiny_network)
    return train_on_spark(
        spark, snapshot, config, build_network=build, network_config=network, run_url=run_url, **options
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # Horovod's own thread
def test_training_that_loses_a_rank_goes_on_from_its_last_checkpoint(spark: SparkSession, tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path / "snapshot", train=ROW_GROUPS, validation=[11, 30], longest=[4])
    run_url, kill_file = (tmp_path / "run").as_uri(), tmp_path / "kill"
    network, progress = TinyConfig(dropout=0.2, kill_file=str(kill_file)), []
    kill_file.touch()

    resumed = train_tiny(spark, snapshot, run_url, network=network, on_progress=lambda *rows: progress.append(rows))
    assert not kill_file.exists()
    undisturbed = train_tiny(spark, snapshot, (tmp_path / "other").as_uri(), network=network)

    assert len(set(resumed.weights_hashes)) == 1
    assert len(resumed.weights_hashes) == resumed.ranks == 2
    assert resumed.weights_hashes == undisturbed.weights_hashes
    assert (resumed.epochs, undisturbed.epochs) == (4, 4)
    assert progress[-1] == (800, 800)  # 4 epochs of 5 steps, 2 ranks, 20 rows
    assert_validated_over_all_ranks(resumed, snapshot)


def assert_validated_over_all_ranks(result: TrainingResult, snapshot: str) -> None:
    facts = read_facts(snapshot)
    network = build_tiny_network(facts.inputs, classes=facts.classes, config=TinyConfig())
    weights = [variable for variable in network.variables if "seed_generator" not in variable.path]
    assign_variables(weights, load_npz(result.weights_url)[0]["weights"])
    right = [
        np.argmax(network(features), axis=-1) == labels
        for features, labels in validation_batches(facts, Shard(), batch_size=50)
    ]
    accuracy = result.history[result.best_epoch - 1]["validation_accuracy"]
    assert np.mean(np.concatenate(right)) == pytest.approx(accuracy)


def test_two_ranks_on_half_batches_cut_to_their_lengths_equal_one_on_whole_ones(
    spark: SparkSession, tmp_path: Path
) -> None:
    snapshot = write_snapshot(tmp_path / "snapshot", train=[60, 60], validation=[10, 10], longest=[2, 4])
    config = replace(
        CONFIG, epochs=20, patience=2, batch_size=60, learning_rate_scaling=Scaling.none, decay=Decay.none,
        warm_up_epochs=0, clip_norm=0.2, class_balance=0.9,
    )  # fmt: skip
    counts = count_labels(spark, snapshot, CLASSES)
    assert sum(counts) == 120
    options = {"config": config, "network": TinyConfig(), "label_counts": counts}
    two = train_tiny(spark, snapshot, (tmp_path / "two").as_uri(), **options)

    facts, whole = read_facts(snapshot), replace(config, ranks=1, batch_size=120)
    network = build_tiny_network(facts.inputs, classes=facts.classes, config=TinyConfig())
    trainee = build_tiny_network(facts.inputs, classes=facts.classes, config=TinyConfig(), ranks=Ranks())
    before = read_variables(network.trainable_variables)
    feeds = Feeds(
        rows=120,
        training=lambda epoch: training_batches(facts, Shard(), epoch=epoch, batch_size=120, pool_rows=120, seed=0),
        validation=lambda: validation_batches(facts, Shard(), batch_size=20),
        class_weights=weigh_classes(counts, 0.9),
    )
    one = train(network, feeds, whole, checkpoints=Checkpoints((tmp_path / "one").as_uri()), trainee=trainee)

    assert two.epochs == len(one.history) < 20  # stopped early, by what all ranks know
    for metric in ("loss", "validation_loss"):
        expected = [epoch[metric] for epoch in one.history]
        assert [epoch[metric] for epoch in two.history] == pytest.approx(expected, rel=1e-4)
    assert vars(two.calibration) == pytest.approx(vars(one.calibration), rel=1e-3, abs=1e-6)
    (ours, _), (theirs, _) = (
        load_npz((tmp_path / run / f"epoch-{two.epochs:04}.npz").as_uri()) for run in ("two", "one")
    )
    moved = max(float(np.abs(new - old).max()) for new, old in zip(ours["weights"], before, strict=True))
    assert moved > 0.01
    for name in ("weights", "averages", "optimizer"):  # Adam's steps hide a gradient's scale, its moments show it
        for one_s, two_s in zip(theirs[name], ours[name], strict=True):
            np.testing.assert_allclose(two_s, one_s, rtol=1e-3, atol=max(1e-9, 1e-3 * float(np.abs(one_s).max())))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_is_not_started_again(spark: SparkSession, tmp_path: Path, number: int) -> None:
    snapshot = write_snapshot(tmp_path / "snapshot", train=[50, 50], validation=[5, 5])

    sent: list[int] = []

    def interrupt(rows: int, _total: int) -> None:
        if rows and not sent:
            sent.append(number)
            os.kill(os.getpid(), number)

    with pytest.raises(MalgilError, match="Training was interrupted; run it again"):
        train_tiny(
            spark, snapshot, (tmp_path / "run").as_uri(), config=replace(CONFIG, epochs=10_000), on_progress=interrupt
        )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_ranks_that_are_lost_again_and_again_are_an_error(spark: SparkSession, tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path / "snapshot", train=[10, 10], validation=[5, 5])
    config = replace(CONFIG, max_losses=1)
    with pytest.raises(MalgilError, match="run it again to go on from the last checkpoint"):
        train_tiny(spark, snapshot, (tmp_path / "run").as_uri(), config=config, build=build_dying_network)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_rank_s_error_is_named_without_its_text(spark: SparkSession, tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path / "snapshot", train=[10, 10], validation=[5, 5])
    with pytest.raises(MalgilError, match=r"^Training failed on rank \d of 2: ValueError at ") as caught:
        train_tiny(spark, snapshot, (tmp_path / "run").as_uri(), build=build_broken_network)

    assert "customer" not in str(caught.value)


def test_too_few_task_slots_are_an_error_at_once(spark: SparkSession, tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path / "snapshot", train=[10, 10, 10], validation=[5])
    with pytest.raises(MalgilError, match=r"expected training.ranks=3 free ones, found 2"):
        train_tiny(spark, snapshot, (tmp_path / "run").as_uri(), config=replace(CONFIG, ranks=3))


def is_one_task_left(spark: SparkSession) -> bool:
    """Of the two of the other job, which come after all tasks that earlier tests left behind."""
    tracker = spark.sparkContext.statusTracker()
    stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    return [(stage.numActiveTasks, stage.numCompletedTasks) for stage in stages if stage] == [(1, 1)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_ranks_that_get_no_task_slot_in_time_are_an_error(spark: SparkSession, tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path / "snapshot", train=[10, 10], validation=[5])
    other_job = threading.Thread(target=lambda: spark.sparkContext.parallelize([30, 0], 2).foreach(time.sleep))
    other_job.start()
    while not is_one_task_left(spark):
        time.sleep(0.1)
    with pytest.raises(MalgilError, match=r"expected training.ranks=2 free ones, found fewer within 5 s"):
        train_tiny(spark, snapshot, (tmp_path / "run").as_uri(), config=replace(CONFIG, start_timeout_s=5))
    spark.sparkContext.cancelAllJobs()
    other_job.join()


def test_too_few_row_groups_are_an_error_at_once(spark: SparkSession, tmp_path: Path) -> None:
    snapshot = write_snapshot(tmp_path / "snapshot", train=[30], validation=[5])
    with pytest.raises(MalgilError, match=r"expected training.ranks=2 or more, found 1 in"):
        train_tiny(spark, snapshot, (tmp_path / "run").as_uri())
