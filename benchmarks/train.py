"""Rows trained a second by 1 and 2 ranks on one core each, and seconds before the first step.

    python -m benchmarks.train [--rows 40000] [--epochs 3] [--repeats 3] [--output result.json]

Each repeat runs `train_on_spark` with one rank, then with two, on the default network and batch. Efficiency
is the rate of two ranks over twice that of one; the first epoch of a run is left out. "apart" are two lone
ranks on a core each at the same time, which exchange nothing: what the machine itself takes from two (shared
memory and cache), and so the most that any exchange can reach. The start-up is counted from the call of
`train_on_spark` to the end of the first step, tracing included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from pyspark.sql import SparkSession

from benchmarks.random_snapshot import write_random_snapshot
from benchmarks.results import write_results
from models.network import build_network
from models.network_config import NetworkConfig
from models.training_config import TrainingConfig
from models.vocabulary import InputSpec
from pipelines.io.session import create_session
from pipelines.training import train_on_spark

EFFICIENCY_TARGET = 0.92
START_TARGET_S = 10.0


def main() -> None:
    """Measure, print the table, write the JSON."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=layout)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=TrainingConfig.batch_size)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--lone", help=argparse.SUPPRESS)  # the snapshot that this process trains on alone
    arguments = parser.parse_args()
    config = replace(TrainingConfig(), epochs=arguments.epochs, batch_size=arguments.batch_size, patience=0)
    if arguments.lone:
        print(json.dumps(_train_lone(arguments.lone, config)))
        return
    with tempfile.TemporaryDirectory() as folder:
        snapshot = write_random_snapshot(Path(folder) / "snapshot", train=arguments.rows, validation=2000)
        runs = [_measure(snapshot, config, f"{folder}/{repeat}") for repeat in range(arguments.repeats)]
    result = summarize(runs)
    _print_table(result)
    write_results(arguments.output, {**result, "runs": runs})


def summarize(runs: list[dict[str, dict[str, Any]]]) -> dict[str, float]:
    """Medians over the repeats; efficiency is taken within each, where both met the same machine."""
    return {
        "rows_per_s_1": median(run["1"]["rows_per_s"] for run in runs),
        "rows_per_s_2": median(run["2"]["rows_per_s"] for run in runs),
        "rows_per_s_apart": median(run["apart"]["rows_per_s"] for run in runs),
        "efficiency": median(run["2"]["rows_per_s"] / run["1"]["rows_per_s"] / 2 for run in runs),
        "efficiency_apart": median(run["apart"]["rows_per_s"] / run["1"]["rows_per_s"] / 2 for run in runs),
        "start_s_1": median(run["1"]["start_s"] for run in runs),
        "start_s_2": median(run["2"]["start_s"] for run in runs),
    }


def build_pinned(inputs: Mapping[str, InputSpec], *, classes: int, config: NetworkConfig, ranks: Any = None) -> Any:
    """The default network, in a process whose threads are kept on one core; a rank calls it."""
    cores = sorted(os.sched_getaffinity(0))
    core = cores[int(os.environ.get("HOROVOD_LOCAL_RANK", "0")) % len(cores)]
    for thread in os.listdir("/proc/self/task"):  # Horovod's is already there, TensorFlow's inherit
        os.sched_setaffinity(int(thread), {core})
    return build_network(inputs, classes=classes, config=config, ranks=ranks)


def _measure(snapshot: str, config: TrainingConfig, folder: str) -> dict[str, dict[str, Any]]:
    spark = create_session("malgil-benchmark-train", spark_master="local[2]")
    run = {str(ranks): _train(spark, snapshot, replace(config, ranks=ranks), f"{folder}-{ranks}") for ranks in (1, 2)}
    spark.stop()
    return {**run, "apart": _train_apart(snapshot, config)}


def _train_apart(snapshot: str, config: TrainingConfig) -> dict[str, Any]:
    """Two lone ranks at once, each in a process tree of its own on a core of its own."""
    options = ["--lone", snapshot, "--epochs", str(config.epochs), "--batch-size", str(config.batch_size)]
    lone = [
        subprocess.Popen(
            ["taskset", "--cpu-list", str(core), sys.executable, "-m", "benchmarks.train", *options],
            stdout=subprocess.PIPE,
        )
        for core in sorted(os.sched_getaffinity(0))[:2]
    ]
    printed = [process.communicate()[0].splitlines()[-1] for process in lone]
    rates = [json.loads(line)["rows_per_s"] for line in printed]
    return {"rows_per_s": sum(rates), "each": rates}


def _train_lone(snapshot: str, config: TrainingConfig) -> dict[str, Any]:
    spark = create_session("malgil-benchmark-train", spark_master="local[1]")
    with tempfile.TemporaryDirectory() as folder:
        result = _train(spark, snapshot, replace(config, ranks=1), folder)
    spark.stop()
    return result


def _train(spark: SparkSession, snapshot: str, config: TrainingConfig, folder: str) -> dict[str, Any]:
    result = train_on_spark(
        spark,
        snapshot,
        config,
        build_network=_importable(build_pinned),
        network_config=NetworkConfig(),
        run_url=Path(folder).as_uri(),
    )
    rates = [epoch["rows_per_s"] for epoch in result.history[1:]]
    return {"rows_per_s": median(rates), "start_s": result.seconds_to_first_step, "epochs": rates}


def _importable(function: Any) -> Any:
    """The function as the ranks can import it: run as a script, this module is called __main__ here."""
    from benchmarks import train

    return getattr(train, function.__name__)


def _print_table(result: dict[str, float]) -> None:
    print(f"{'ranks':<8}{'rows/s':>10}{'start s':>10}")
    for ranks in (1, 2):
        print(f"{ranks:<8}{result[f'rows_per_s_{ranks}']:>10,.0f}{result[f'start_s_{ranks}']:>10.1f}")
    print(f"{'apart':<8}{result['rows_per_s_apart']:>10,.0f}")
    print(f"efficiency {result['efficiency']:.3f} (target: at least {EFFICIENCY_TARGET})")
    print(f"of two ranks that exchange nothing {result['efficiency_apart']:.3f}")
    start = f"start of two ranks {result['start_s_2']:.1f} s"
    print(f"{start} (target: at most {START_TARGET_S:.0f} on a quiet machine)")


if __name__ == "__main__":
    main()
