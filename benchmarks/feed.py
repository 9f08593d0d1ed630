"""Training steps a second from a Petastorm snapshot, against the same rows in memory.

    python -m benchmarks.feed [--rows 40000] [--repeats 5] [--copy-to hdfs://host:port/folder] [--output result.json]

Each repeat trains one epoch each way, in turn, with the default network at its default batch, as one rank on
one core: what a snapshot costs is all in there (opening it, reading, shuffling, handing over). With --copy-to,
a copy of the snapshot there is read as well. "alone" is a pass that only reads, without a network.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.random_snapshot import copy_snapshot, write_random_snapshot
from benchmarks.results import write_results
from models.training_config import TrainingConfig
from pipelines.feed import Batch, Shard, SnapshotFacts, read_facts, training_batches

if TYPE_CHECKING:
    from models.steps import Step

TARGET = 0.05


def main() -> None:
    """Measure, print the table, write the JSON."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--copy-to", help="a URL that the snapshot is copied to and read from as well")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before TensorFlow counts the cores
    with tempfile.TemporaryDirectory() as folder:
        url = write_random_snapshot(Path(folder) / "snapshot", train=arguments.rows, validation=2)
        sources = {"petastorm": read_facts(url)}
        if arguments.copy_to:
            copy_snapshot(Path(folder) / "snapshot", arguments.copy_to)
            sources[f"at {arguments.copy_to.partition(':')[0]}"] = read_facts(arguments.copy_to)
        result = measure(sources, arguments.repeats)
    _print_table(result, arguments.repeats)
    write_results(arguments.output, result)


def measure(sources: Mapping[str, SnapshotFacts], repeats: int) -> dict[str, Any]:
    """Rows a second each way, the median of each repeat's difference to memory, and rows a second of reading alone."""
    facts, config = next(iter(sources.values())), TrainingConfig()
    step, steps = _build_step(facts), facts.rows["train"] // config.batch_size
    in_memory = list(islice(_read(facts, config, epoch=0), steps))
    _seconds(step, iter(in_memory[:5]), 5)  # the first steps build kernels
    runs, alone = [], []
    for epoch in range(1, repeats + 1):
        feeds = {name: _read(facts, config, epoch=epoch) for name, facts in sources.items()}
        runs.append({name: _seconds(step, feed, steps) for name, feed in {"memory": iter(in_memory), **feeds}.items()})
        feeds = {name: _read(facts, config, epoch=epoch) for name, facts in sources.items()}
        alone.append({name: _seconds(_drop, feed, steps) for name, feed in feeds.items()})
    rows = steps * config.batch_size
    return {
        "rows_per_s": {name: rows / median(run[name] for run in runs) for name in runs[0]},
        "slower": {name: median(run[name] / run["memory"] - 1 for run in runs) for name in sources},
        "alone": {name: rows / median(run[name] for run in alone) for name in sources},
        "seconds": runs,
        "seconds_alone": alone,
    }


def _print_table(result: Mapping[str, Any], repeats: int) -> None:
    print(f"{'feed':<12}{'rows/s':>10}{'slower':>9}{'alone':>12}   (medians of {repeats} epochs each)")
    for name, rate in result["rows_per_s"].items():
        slower, alone = result["slower"].get(name), result["alone"].get(name)
        facts = f"{slower:>9.1%}{alone:>12,.0f}" if alone else ""
        print(f"{name:<12}{rate:>10,.0f}{facts}")
    print(f"target: at most {TARGET:.0%} slower")


def _read(facts: SnapshotFacts, config: TrainingConfig, *, epoch: int) -> Iterator[Batch]:
    return training_batches(
        facts, Shard(), epoch=epoch, batch_size=config.batch_size, pool_rows=config.shuffle_rows, seed=0
    )


def _build_step(facts: SnapshotFacts) -> "Step":
    import tensorflow as tf

    from models.collective import Ranks
    from models.network import build_network
    from models.network_config import NetworkConfig
    from models.optimizer import DistributedAdam
    from models.steps import build_train_step

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    network = build_network(facts.inputs, classes=facts.classes, config=NetworkConfig(), ranks=Ranks())
    config, totals = TrainingConfig(), tf.Variable(tf.zeros(3, tf.float64))
    optimizer = DistributedAdam(config.learning_rate, clip_norm=config.clip_norm, decay=config.weight_decay)
    optimizer.build(network.trainable_variables)
    return build_train_step(
        network, optimizer, totals, batch_size=config.batch_size, label_smoothing=config.label_smoothing
    )


def _drop(features: Any, labels: Any) -> None:
    """The step of a pass that only reads."""


def _seconds(step: Callable[..., object], batches: Iterator[Batch], steps: int) -> float:
    started = time.perf_counter()
    for features, labels in islice(batches, steps):
        step(features, labels)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
