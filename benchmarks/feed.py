"""Training steps a second from a Petastorm snapshot, against the same rows in memory.

    python -m benchmarks.feed [--rows 40000] [--repeats 5] [--output result.json]

Each repeat trains one epoch each way, in turn, with the default network at its default batch, as one rank on
one core: what a snapshot costs is all in there (opening it, reading, shuffling, handing over).
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.random_snapshot import write_random_snapshot
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
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before TensorFlow counts the cores
    with tempfile.TemporaryDirectory() as folder:
        url = write_random_snapshot(Path(folder) / "snapshot", train=arguments.rows, validation=2)
        result = measure(read_facts(url), arguments.repeats)
    print(f"{'feed':<12}{'rows/s':>10}   (median of {arguments.repeats} epochs each)")
    print(f"{'memory':<12}{result['memory']:>10,.0f}")
    print(f"{'petastorm':<12}{result['petastorm']:>10,.0f}")
    print(f"slower by {result['slower']:.1%} (target: at most {TARGET:.0%})")
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1), encoding="utf8")


def measure(facts: SnapshotFacts, repeats: int) -> dict[str, Any]:
    """Rows a second each way, and the median of each repeat's difference."""
    step, config = _build_step(facts), TrainingConfig()
    steps = facts.rows["train"] // config.batch_size
    in_memory = list(islice(_read(facts, config, epoch=0), steps))
    _seconds(step, iter(in_memory[:5]), 5)  # the first steps build kernels
    runs = [
        (
            _seconds(step, iter(in_memory), steps),
            _seconds(step, _read(facts, config, epoch=epoch), steps),
        )
        for epoch in range(1, repeats + 1)
    ]
    rows = steps * config.batch_size
    return {
        "memory": rows / median(memory for memory, _ in runs),
        "petastorm": rows / median(petastorm for _, petastorm in runs),
        "slower": median(petastorm / memory - 1 for memory, petastorm in runs),
        "seconds": runs,
    }


def _read(facts: SnapshotFacts, config: TrainingConfig, *, epoch: int) -> Iterator[Batch]:
    return training_batches(
        facts, Shard(), epoch=epoch, batch_size=config.batch_size, pool_rows=config.shuffle_rows, seed=0
    )


def _build_step(facts: SnapshotFacts) -> "Step":
    import tensorflow as tf

    from models.cnn import build_network
    from models.cnn_config import NetworkConfig
    from models.collective import Ranks
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


def _seconds(step: "Step", batches: Iterator[Batch], steps: int) -> float:
    started = time.perf_counter()
    for features, labels in islice(batches, steps):
        step(features, labels)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
