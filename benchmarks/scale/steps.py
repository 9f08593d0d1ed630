"""The pipeline's steps on a cluster of pinned executors, measured one by one in this process.

    python -m benchmarks.scale.steps --executors 2 --input <raw messages> --folder <empty> [--repeats 3]

Prints one JSON object as its last line. The jobs themselves run: what they read, write and send to Redis is theirs.
Each pass has a store, a model registry and a Redis of its own; the first one, over `--warm`, is not measured.
"""

import argparse
import json
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from pyspark.sql import SparkSession

from benchmarks.scale.cluster import cpu_seconds, find_executors, pinned_cluster
from benchmarks.scale.event_log import add_traffic
from jobs import build_training_set, clean_messages, evaluate_intent, predict_batch, train_intent
from jobs.job import Job, Summary, open_job
from jobs.lineage import find_snapshot
from pipelines.io import embedded_redis
from pipelines.io.progress import Progress
from pipelines.settings import load_settings

STEPS = {
    "clean_messages": clean_messages.run,
    "build_training_set": build_training_set.run,
    "train_intent": train_intent.run,
    "evaluate_intent": evaluate_intent.run,
    "predict_batch": predict_batch.run,
}
_ROWS = {"clean_messages": "read", "build_training_set": "rows", "predict_batch": "predictions"}
_STORED = {
    "clean_messages": "clean/*/data",
    "build_training_set": "snapshots/*",
    "train_intent": "checkpoints/*/epoch-*",
    "predict_batch": "predictions/*/data",
}


@dataclass(frozen=True)
class StepCost:
    """What a step took."""

    step: str
    rows: int
    started_at: float
    ended_at: float
    executor_cpu_s: float
    redis_cpu_s: float
    stored_bytes: int
    training_rate: float | None  # rows a second within the median epoch


def main() -> None:
    """Measure and print."""
    arguments = _parse_arguments()
    folder = Path(arguments.folder)
    limits = {"spark_driver_memory": arguments.driver_memory}
    if arguments.watch_driver:
        # a full collection each second: what is left after it is what the driver holds
        limits |= {
            "spark_cleaner_periodicGC_interval": "1s",
            "spark_driver_extraJavaOptions": f"-XX:+UseSerialGC -Xlog:gc:file={folder}/gc.log",
        }
    with pinned_cluster(arguments.executors, folder, **limits) as spark:
        if arguments.warm:
            run_steps(spark, arguments.warm, folder / "warm", arguments.settings)
        passes = [
            run_steps(spark, arguments.input, folder / str(number), arguments.settings)
            for number in range(arguments.repeats)
        ]
    (log,) = [path for path in folder.iterdir() if path.name.startswith(("app-", "local-"))]
    measured = [add_traffic(log, [asdict(cost) for cost in costs]) for costs in passes]
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"passes": measured, "driver_python_mib": round(peak_mib)}))


def run_steps(spark: SparkSession, raw: str, folder: Path, settings: list[str]) -> list[StepCost]:
    """Every step once, on this input, in this folder."""
    job = _open_job(spark, raw, folder, settings)
    redis = embedded_redis.start(job.settings.redis.embedded)
    try:
        return [_measure(job, step, psutil.Process(redis.process_id)) for step in STEPS]
    finally:
        embedded_redis.stop(job.settings.redis.embedded)


def _open_job(spark: SparkSession, raw: str, folder: Path, settings: list[str]) -> Job:
    own = [
        f"input.path={raw}", f"store.root={folder}/store", f"mlflow.tracking_uri=sqlite:///{folder}/mlflow.db",
        f"mlflow.artifact_root={folder}/artifacts", f"mlflow.cache={folder}/cache",
        f"redis.embedded.directory={folder}/redis", "redis.embedded.max_memory=3gb",
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    plain = open_job("scale", folder.name, load_settings([*own, *settings]), Progress(spark.sparkContext))
    return Job(**vars(plain), spark=spark)


def _measure(job: Job, step: str, redis: psutil.Process) -> StepCost:
    executors = find_executors()
    used, redis_used, started = cpu_seconds(executors), cpu_seconds([redis]), time.time()
    summary = STEPS[step](job)
    ended = time.time()
    return StepCost(
        step=step,
        rows=_count_rows(job, step, summary),
        started_at=started,
        ended_at=ended,
        executor_cpu_s=cpu_seconds(executors) - used,
        redis_cpu_s=cpu_seconds([redis]) - redis_used,
        stored_bytes=_count_bytes(job, _STORED[step]) if step in _STORED else 0,
        training_rate=float(summary["rows_per_s"]) if step == "train_intent" else None,
    )


def _count_rows(job: Job, step: str, summary: Summary) -> int:
    """Messages read, examples built, examples trained over all epochs, messages predicted."""
    if step == "train_intent":
        return int(find_snapshot(job)["rows"]["train"] * summary["epochs"])
    rows = summary.get(_ROWS.get(step, ""), 0)
    return sum(rows.values()) if isinstance(rows, dict) else int(rows)


def _count_bytes(job: Job, pattern: str) -> int:
    tops = list(Path(job.store.root.removeprefix("file://")).glob(pattern))
    files = {file for top in tops for file in (top, *top.rglob("*")) if file.is_file()}
    return sum(file.stat().st_size for file in files)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executors", type=int, required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--warm", help="a smaller input, for a first pass that is not measured")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--driver-memory", default="1g")
    parser.add_argument("--watch-driver", action="store_true", help="log what the driver's JVM holds, each second")
    parser.add_argument("settings", nargs="*", help="section.key=value")
    return parser.parse_args()


if __name__ == "__main__":
    main()
