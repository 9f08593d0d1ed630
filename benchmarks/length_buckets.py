"""Batches of rows of like length, against batches of any: accuracy, rows a second and CPU, by recipe, on two ranks.

    python -m benchmarks.length_buckets SNAPSHOT --recipes bigru [--buckets 1 3] [--seeds 0 1 2] [--epochs 12]
        [--output result.json]

SNAPSHOT is the URL of one that build_training_set made with the recipes' features. Each seed trains with each number
of buckets in turn, as train_intent does with training.batch_size=64, so all of them meet the same machine; the test
split is not read. "CPU" is that of a rank after its first epoch, exchanges and validation included, for each row that
it trained on; "step us" the microseconds of CPU a row on one core in steps that exchange nothing. "fill" is the share
of places, in the features that are cut, that hold tokens; "together" the share of steps in which both ranks have rows
of one length.
"""

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
import tensorflow as tf
from pyspark.sql import SparkSession

from benchmarks.results import write_results
from models.collective import Ranks
from models.network import build_network
from models.network_config import NetworkConfig
from models.optimizer import DistributedAdam
from models.steps import build_train_step, find_flexible
from models.training_config import TrainingConfig
from models.training_run import Batch
from models.vocabulary import InputSpec
from pipelines.feed import Shard, SnapshotFacts, read_facts
from pipelines.io.session import create_session
from pipelines.io.snapshots import count_labels
from pipelines.rank import open_feeds
from pipelines.settings import load_settings
from pipelines.training import train_on_spark

RANKS = 2


def main() -> None:
    """Measure, print the table, write the JSON."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("snapshot")
    parser.add_argument("--recipes", nargs="+", required=True)
    parser.add_argument("--buckets", nargs="+", type=int, default=[1, 3])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=TrainingConfig.epochs)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    spark = create_session("malgil-benchmark-lengths", spark_master=f"local[{RANKS}]")
    runs = []
    print(f"{'recipe':<16}{'buckets':>8}{'seed':>5}{'accuracy':>10}{'loss':>8}{'rows/s':>8}{'CPU us':>8}")
    for recipe in arguments.recipes:
        for seed in arguments.seeds:
            for buckets in arguments.buckets:
                run = train(spark, arguments.snapshot, recipe, buckets=buckets, seed=seed, epochs=arguments.epochs)
                print("{recipe:<16}{buckets:>8}{seed:>5}{accuracy:>10.4f}{loss:>8.3f}{rows_per_s:>8,.0f}{cpu_us:>8.0f}"
                      .format(**run), flush=True)  # fmt: skip
                runs.append(run)
    spark.stop()
    settings = [
        summarize(runs, arguments.snapshot, recipe, buckets)
        for recipe in arguments.recipes
        for buckets in arguments.buckets
    ]
    _print_table(settings)
    write_results(arguments.output, {"settings": settings, "runs": runs})


def train(spark: SparkSession, snapshot: str, recipe: str, *, buckets: int, seed: int, epochs: int) -> dict[str, Any]:
    """The best epoch's accuracy and loss on validation, the median epoch's rows a second, and CPU a row."""
    network, training = _configure(recipe, buckets=buckets, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        result = train_on_spark(
            spark,
            snapshot,
            replace(training, epochs=epochs),
            build_network=_importable(build_watched),
            network_config=WatchedConfig(network, folder),
            run_url=f"file://{folder}",
            label_counts=count_labels(spark, snapshot, read_facts(snapshot).classes),
        )
        cpu_s = [float(file.read_text()) for file in Path(folder).glob("cpu-*")]
    best = result.history[result.best_epoch - 1]
    rows = (result.epochs - 1) * read_facts(snapshot).rows["train"] / RANKS
    return {
        "recipe": recipe, "buckets": buckets, "seed": seed, "accuracy": best["validation_accuracy"],
        "loss": best["validation_loss"], "rows_per_s": result.rows_per_s, "cpu_us": fmean(cpu_s) / rows * 1e6,
        "epochs": result.epochs,
    }  # fmt: skip


def summarize(runs: list[dict[str, Any]], snapshot: str, recipe: str, buckets: int) -> dict[str, Any]:
    """Means over the seeds, the median gain over the first number of buckets, and how batches are filled."""
    own, base = (
        [run for run in runs if (run["recipe"], run["buckets"]) == (recipe, count)]
        for count in (buckets, runs[0]["buckets"])
    )
    facts = read_facts(snapshot)
    network, training = _configure(recipe, buckets=buckets, seed=0)
    epochs, flexible = read_epochs(facts, network, training)
    accuracies = [run["accuracy"] for run in own]
    return {
        "recipe": recipe, "buckets": buckets, "accuracy": fmean(accuracies),
        "spread": stdev(accuracies) if len(own) > 1 else 0.0, "loss": fmean(run["loss"] for run in own),
        "rows_per_s": fmean(run["rows_per_s"] for run in own),
        "faster": median(run["rows_per_s"] / other["rows_per_s"] for run, other in zip(own, base, strict=True)),
        "less_cpu": median(other["cpu_us"] / run["cpu_us"] for run, other in zip(own, base, strict=True)),
        "step_us": time_steps(facts, network, training, epochs[0]), **measure_batches(epochs, flexible),
    }  # fmt: skip


def read_epochs(
    facts: SnapshotFacts, network: NetworkConfig, training: TrainingConfig
) -> tuple[list[list[Batch]], list[str]]:
    """The batches of an epoch of each rank, and the features that are cut."""
    flexible = find_flexible(build_network(facts.inputs, classes=facts.classes, config=network, ranks=Ranks()))
    unweighted = replace(training, class_balance=0.0)
    feeds = [open_feeds(facts, unweighted, Shard(rank, RANKS), flexible=flexible) for rank in range(RANKS)]
    steps = facts.rows["train"] // (training.batch_size * RANKS)
    return [list(islice(feed.training(1), steps)) for feed in feeds], flexible


def measure_batches(epochs: Sequence[Sequence[Batch]], flexible: Sequence[str]) -> dict[str, float]:
    """The share of places that hold tokens, and of steps in which both ranks have rows of one length."""
    cut = [features[name] for epoch in epochs for features, _ in epoch for name in flexible]
    lengths = [[[features[name].shape[1] for name in flexible] for features, _ in epoch] for epoch in epochs]
    return {
        "fill": sum(np.count_nonzero(ids) for ids in cut) / sum(ids.size for ids in cut) if cut else 1.0,
        "together": fmean(first == second for first, second in zip(*lengths, strict=True)),
    }


def time_steps(
    facts: SnapshotFacts, network: NetworkConfig, training: TrainingConfig, batches: Sequence[Batch]
) -> float:
    """Microseconds of CPU for each row of the steps of a lone rank."""
    trainee = build_network(facts.inputs, classes=facts.classes, config=network, ranks=Ranks())
    optimizer, totals = DistributedAdam(training.learning_rate), tf.Variable(tf.zeros(3, tf.float64))
    optimizer.build(trainee.trainable_variables)
    size = training.batch_size
    step = build_train_step(trainee, optimizer, totals, batch_size=size, label_smoothing=training.label_smoothing)
    found = []
    for _ in range(4):  # the first one traces
        before = time.process_time()
        for features, labels in batches:
            step(features, labels)
        found.append(time.process_time() - before)
    return min(found[1:]) / len(batches) / size * 1e6


@dataclass(frozen=True)
class WatchedConfig:
    """A network, and the folder of its run, which its ranks write their CPU seconds into."""

    network: NetworkConfig
    folder: str


def build_watched(inputs: Mapping[str, InputSpec], *, classes: int, config: WatchedConfig, ranks: Any = None) -> Any:
    """The network, in a process that keeps writing its CPU seconds from now on. A rank calls it."""
    if ranks is None:
        file = Path(config.folder, f"cpu-{os.environ['HOROVOD_RANK']}")
        threading.Thread(target=_keep_writing, args=(file,), daemon=True).start()
    return build_network(inputs, classes=classes, config=config.network, ranks=ranks)


def _keep_writing(file: Path) -> None:
    """CPU seconds since the first epoch's checkpoint, until the process ends."""
    while not list(file.parent.glob("epoch-*.npz")):
        time.sleep(0.05)
    draft, before = file.with_name(f"new-{file.name}"), time.process_time()
    while True:
        draft.write_text(str(time.process_time() - before))
        draft.rename(file)
        time.sleep(0.2)


def _configure(recipe: str, *, buckets: int, seed: int) -> tuple[NetworkConfig, TrainingConfig]:
    settings = load_settings([f"recipe={recipe}", "training.batch_size=64", f"training.length_buckets={buckets}"])
    return replace(settings.network, seed=seed), replace(settings.training, seed=seed, ranks=RANKS)


def _importable(function: Any) -> Any:
    """The function as the ranks can import it: run as a script, this module is called __main__ here."""
    from benchmarks import length_buckets

    return getattr(length_buckets, function.__name__)


def _print_table(settings: list[dict[str, Any]]) -> None:
    print(f"\n{'recipe':<16}{'buckets':>8}{'accuracy':>10}{'spread':>8}{'loss':>8}{'rows/s':>8}{'faster':>8}"
          f"{'less CPU':>10}{'step us':>9}{'fill':>6}{'together':>10}")  # fmt: skip
    for one in settings:
        print("{recipe:<16}{buckets:>8}{accuracy:>10.4f}{spread:>8.4f}{loss:>8.3f}{rows_per_s:>8,.0f}{faster:>8.2f}"
              "{less_cpu:>10.2f}{step_us:>9.0f}{fill:>6.2f}{together:>10.2f}".format(**one))  # fmt: skip


if __name__ == "__main__":
    main()
