"""One executor against two, each on a core of its own: rows a second of each step, and bytes a row."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from pipelines.io.session import PROJECT

EXECUTORS = (1, 2)
SETTINGS = ("training.patience=0", "training.warm_up_epochs=0.5", "training.epochs=3")
STEPS = ("clean_messages", "build_training_set", "train_intent", "predict_batch")


def measure_executors(raw: Sequence[str], folder: Path, *, repeats: int) -> dict[str, Any]:
    """Of each step: rows a second by executors, its efficiency, and per row executor CPU and bytes.

    `raw` are a small input, which warms the executors up, and the one that is measured.
    """
    passes: dict[int, list[list[dict[str, Any]]]] = {}
    for number in EXECUTORS:
        command = ["--executors", str(number), "--warm", raw[0], "--input", raw[1], "--repeats", str(repeats)]
        settings = [f"training.ranks={number}", *SETTINGS]
        passes[number] = run_process(command, folder / f"executors-{number}", settings)["passes"]
    costs = {
        step: {n: [cost for costs in passes[n] for cost in costs if cost["step"] == step] for n in EXECUTORS}
        for step in STEPS
    }
    return {"repeats": repeats, "steps": {step: _compare(costs[step]) for step in STEPS}, "passes": passes}


def run_process(command: Sequence[str], folder: Path, settings: Sequence[str]) -> dict[str, Any]:
    """What `benchmarks.scale.steps` prints, run in a process and a folder of its own."""
    folder.mkdir(parents=True)
    module = [sys.executable, "-m", "benchmarks.scale.steps", "--folder", str(folder), *command, *settings]
    output, log = folder / "output.txt", folder / "log.txt"
    with output.open("w") as printed, log.open("w") as errors:
        ran = subprocess.run(module, cwd=PROJECT, stdout=printed, stderr=errors, text=True)
    if ran.returncode:
        sys.exit(f"measuring failed:\n{log.read_text(encoding='utf8')[-3000:]}")
    result: dict[str, Any] = json.loads(output.read_text(encoding="utf8").splitlines()[-1])
    return result


def print_executors(result: dict[str, Any]) -> None:
    head = f"{'rows/s, executors':<22}{'rows':>10}{'1':>9}{'2':>9}{'efficiency':>12}"
    print(f"{head}{'CPU us':>9}{'shuffled':>10}{'stored':>8}   (per row: executors' CPU, bytes)")
    for step, found in result["steps"].items():
        rates, per_row = found["rows_per_s"], found["per_row"]
        speed = f"{found['rows']:>10,}{rates['1']:>9,.0f}{rates['2']:>9,.0f}{found['efficiency']:>12.2f}"
        moved = f"{per_row['executor_cpu_us']:>9,.0f}{per_row['shuffle_written']:>10,.0f}{per_row['stored']:>8,.0f}"
        print(f"{step:<22}{speed}{moved}")


def _compare(runs: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """A step's costs by executors, a list of passes each, as medians."""
    rates = {number: median(_rate(cost) for cost in costs) for number, costs in runs.items()}
    one, two = EXECUTORS
    return {
        "rows": runs[one][0]["rows"],
        "rows_per_s": {str(number): rate for number, rate in rates.items()},
        "efficiency": rates[two] / rates[one] / two,
        "seconds": {str(n): median(cost["ended_at"] - cost["started_at"] for cost in runs[n]) for n in EXECUTORS},
        "per_row": _divide(runs[one]),
        "per_row_2": _divide(runs[two]),
    }


def _divide(costs: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Per row: CPU in microseconds, and bytes."""
    per_row = [
        {
            "executor_cpu_us": cost["executor_cpu_s"] * 1e6 / cost["rows"],
            "redis_cpu_us": cost["redis_cpu_s"] * 1e6 / cost["rows"],
            "stored": cost["stored_bytes"] / cost["rows"],
            **{name: moved / cost["rows"] for name, moved in cost["bytes"].items()},
        }
        for cost in costs
    ]
    return {name: median(of[name] for of in per_row) for name in per_row[0]}


def _rate(cost: dict[str, Any]) -> float:
    """Training's own rate leaves out the start of the ranks, registering and scoring."""
    return float(cost["training_rate"] or cost["rows"] / (cost["ended_at"] - cost["started_at"]))
