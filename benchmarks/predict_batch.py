"""Messages predicted a second: our transform, MLflow's spark_udf, and the same model called natively.

    python -m benchmarks.predict_batch [--rows 65536] [--repeats 5] [--output result.json]

Every way predicts the same rows with the same model folder, one after another in each repeat, pinned to one
core (local[1]) and to two (local[2]). A Spark way's time leaves out reading the rows (the native ways have
them in memory) and what one row a task costs (starting the job; MLflow loads the model again in each task).
"ids" are encoded rows in, all intents' probabilities out; "text" is clean text in, the best intents out.
Beside the clock stand CPU seconds, of the JVM and the Python workers too: they say the same on a busy machine.
The model has the default features and network and random weights; the texts are generated shop chat.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from benchmarks.results import write_results
from models.vocabulary import Vocabulary
from pipelines.encoding import Feature, FeatureConfig, TextEncoder
from pipelines.example_predictions import add_probabilities
from pipelines.io.model_files import ModelFiles, load_model, write_model
from pipelines.io.session import create_session
from pipelines.prediction import PredictionConfig, add_predictions, create_predictor
from pipelines.training_set import TrainingSetConfig
from udfs.analyzers import tokenize
from udfs.screening import clean_text
from udfs.shop_chat import ChatConfig, choose_labels, write_block

if TYPE_CHECKING:
    import keras

CORES = (1, 2)
PREDICTED_AT = datetime(2026, 5, 1, tzinfo=timezone.utc)

Way = dict[str, Callable[[], object]]  # a run over "all" rows, and over "one" row a task where that costs
Cost = tuple[float, float]  # seconds by the clock, and of CPU


def main() -> None:
    arguments = _parse_arguments()
    if arguments.folder:
        print(json.dumps(measure(arguments.folder, cores=arguments.cores, repeats=arguments.repeats)))
        return
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), rows=arguments.rows)
        results = []
        for cores in CORES:
            results.append(_measure_pinned(folder, cores=cores, repeats=arguments.repeats))
            _print_table(results[-1])
    write_results(arguments.output, {"rows": arguments.rows, "results": results})


def prepare(folder: Path, *, rows: int) -> None:
    """The model, and the same examples as `all/` (a Parquet file a core) and `one/` (one row a file)."""
    texts = generate_texts(rows)
    network, encoder = build_model(texts, intents=60)
    write_model(folder / "model", network=network, encoder=encoder)
    ids = {name: [*values] for name, values in encoder.encode(texts).items()}
    nothing = pa.nulls(rows, pa.string())
    at = pa.array([PREDICTED_AT] * rows, pa.timestamp("us", "UTC"))
    names = [str(i) for i in range(rows)]
    table = pa.table({"message_id": names, "room_id": nothing, "bot_id": nothing, "sent_at": at, "text": texts, **ids})
    for name, size in (("all", rows // max(CORES)), ("one", 1)):
        (folder / name).mkdir()
        for part in range(max(CORES)):
            pq.write_table(table.slice(part * size, size), folder / name / f"{part}.parquet")


def build_model(texts: list[str], *, intents: int) -> "tuple[keras.Model, TextEncoder]":
    """A model of the default features and network, with random weights and the texts' vocabulary."""
    from models.network import build_network, with_probabilities
    from models.network_config import NetworkConfig

    names = tuple(label.name for label in choose_labels(intents))
    encoder = TextEncoder(tuple(_build_features(texts)), names)
    network = build_network(encoder.inputs, classes=intents, config=NetworkConfig())
    return with_probabilities(network), encoder


def generate_texts(count: int) -> list[str]:
    """Clean customers' messages of the generated shop chat."""
    texts: list[str] = []
    block = 0
    while len(texts) < count:
        texts += [clean_text(text) for text in generate_customer_texts(block)]
        block += 1
    return texts[:count]


def generate_customer_texts(block: int) -> Iterator[str]:
    """A block's customers' messages as they were said, 200 characters of each at most."""
    for line in write_block(block, ChatConfig(), date(2026, 5, 1)):
        try:
            message = json.loads(line)
        except ValueError:  # the generator's broken rows
            continue
        if isinstance(message.get("text"), str) and message.get("speaker") == "customer":
            yield message["text"][:200]


def _build_features(texts: list[str]) -> Iterator[Feature]:
    for name, config in TrainingSetConfig().features.items():
        yield Feature(name, config.analyzer, config.length, _build_vocabulary(texts, config))


def _build_vocabulary(texts: list[str], config: FeatureConfig) -> Vocabulary:
    counts = Counter(token for tokens in tokenize(texts, config.analyzer) for token in tokens)
    return Vocabulary(tuple(token for token, _ in counts.most_common(config.max_vocabulary)))


def measure(folder: str, *, cores: int, repeats: int) -> dict[str, Any]:
    """Median rows a second of each way on this process's cores, and the largest difference of outputs."""
    _limit_tensorflow()
    model = ModelFiles(f"{folder}/model", "malgil-intent", "1")
    spark = create_session("predict_batch", spark_master=f"local[{cores}]", spark_ui_showConsoleProgress="false")
    ways = {**_spark_ways(spark, folder, model), **_native_ways(folder, model)}
    rows = spark.read.parquet(f"{folder}/all").count()
    for runs in ways.values():
        runs["all"]()  # warm
    costs: dict[tuple[str, str], list[Cost]] = defaultdict(list)
    for _ in range(repeats):
        for name, runs in ways.items():
            for size, run in runs.items():
                costs[name, size].append(_cost(run))
    difference = _largest_difference(spark, folder, model)
    spark.stop()
    rates = {
        kind: {name: round(rows / _net(costs, name, at)) for name in ways if not name.endswith("read")}
        for at, kind in enumerate(("rows_per_s", "rows_per_cpu_s"))
    }
    return {"cores": cores, **rates, "largest_difference": difference}


def _net(costs: dict[tuple[str, str], list[Cost]], name: str, at: int) -> float:
    """Median seconds of all rows, a Spark way's without those of one row and of reading the rest."""

    def seconds(name: str) -> float:
        one: float = median([cost[at] for cost in costs[name, "one"]] or [0.0])
        return median(cost[at] for cost in costs[name, "all"]) - one

    reading = seconds(f"{name.split(',')[0]}, read") if (name, "one") in costs else 0.0
    return seconds(name) - reading


def _cost(run: Callable[[], object]) -> Cost:
    started, used = time.perf_counter(), _cpu_seconds()
    run()
    return time.perf_counter() - started, _cpu_seconds() - used


def _cpu_seconds() -> float:
    """Of this process and all below it, now alive: the JVM and its Python workers stay for the whole run."""
    root = psutil.Process()
    times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    return float(sum(spent.user + spent.system for spent in times))


def _spark_ways(spark: SparkSession, folder: str, model: ModelFiles) -> dict[str, Way]:
    config = PredictionConfig()

    def predict_ids(examples: DataFrame) -> DataFrame:
        return add_probabilities(examples.select("message_id", *_features(model)), model, config)

    def predict_texts(messages: DataFrame) -> DataFrame:
        return add_predictions(messages, model, config, predicted_at=PREDICTED_AT)

    transforms = {
        "ids, read": lambda examples: examples.select("message_id", *_features(model)),
        "text, read": lambda messages: messages.drop(*_features(model)),
        "ids, ours": predict_ids,
        "ids, spark_udf": _mlflow_transform(spark, model),
        "text, ours": predict_texts,
    }
    return {name: _spark_way(spark, folder, name, transform) for name, transform in transforms.items()}


def _spark_way(spark: SparkSession, folder: str, name: str, transform: Callable[[DataFrame], DataFrame]) -> Way:
    # Another environment is another pool of Python workers: each way has TensorFlow as it sets it up
    spark.sparkContext.environment["MALGIL_BENCHMARK"] = name.split()[-1]
    predicted = {size: transform(spark.read.parquet(f"{folder}/{size}")) for size in ("one", "all")}

    return {size: partial(_drain, table) for size, table in predicted.items()}


def _mlflow_transform(spark: SparkSession, model: ModelFiles) -> Callable[[DataFrame], DataFrame]:
    from mlflow.pyfunc import spark_udf

    predict = spark_udf(spark, model.path, result_type="array<double>", env_manager="local")
    names = _features(model)
    return lambda examples: examples.select("message_id", predict(*names).alias("probabilities"))


def _native_ways(folder: str, model: ModelFiles) -> dict[str, Way]:
    loaded = load_model(model)
    predictor = create_predictor(loaded, PredictionConfig())
    table = pq.read_table(f"{folder}/all")
    texts = table["text"].to_pylist()
    ids = {name: _stack(table[name]).astype(np.int32) for name in _features(model)}
    return {
        "ids, native": {"all": lambda: predictor.predict(ids)},
        "ids, Keras": {"all": lambda: loaded.network.predict(ids, batch_size=256, verbose=0)},
        "text, native": {"all": lambda: predictor.predict_top(texts)},
    }


def _stack(column: Any) -> Any:
    """A pandas or Arrow column of equally long lists as a matrix."""
    return np.stack(column.to_numpy())


def _largest_difference(spark: SparkSession, folder: str, model: ModelFiles) -> float:
    examples = spark.read.parquet(f"{folder}/all")
    ours = add_probabilities(examples.select("message_id", *_features(model)), model, PredictionConfig())
    theirs = _mlflow_transform(spark, model)(examples)
    found = [table.toPandas().set_index("message_id").sort_index() for table in (ours, theirs)]
    first, second = (_stack(table["probabilities"]) for table in found)
    return float(np.abs(first - second).max())


def _features(model: ModelFiles) -> list[str]:
    encoder = TextEncoder.from_json(Path(model.path, "encoder.json").read_text(encoding="utf8"))
    return [feature.name for feature in encoder.features]


def _drain(table: DataFrame) -> None:
    table.write.format("noop").mode("overwrite").save()


def _limit_tensorflow() -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _measure_pinned(folder: str, *, cores: int, repeats: int) -> dict[str, Any]:
    """`measure` in a process of its own that has these cores only, its JVM and Python workers included."""
    command = [sys.executable, "-m", "benchmarks.predict_batch", "--folder", folder]
    command += ["--cores", str(cores), "--repeats", str(repeats)]
    chosen = sorted(os.sched_getaffinity(0))[-cores:]
    with open(f"{folder}/log-{cores}.txt", "w+") as log:  # Keras draws progress bars for MLflow
        pin = partial(os.sched_setaffinity, 0, chosen)
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, preexec_fn=pin, text=True)
        if ran.returncode:
            sys.exit(f"measuring with {cores} cores failed:\n{log.seek(0) or log.read()[-3000:]}")
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return result


def _print_table(result: dict[str, Any]) -> None:
    rates, cpu_rates = result["rows_per_s"], result["rows_per_cpu_s"]
    print(f"local[{result['cores']}]          rows/s  of native a core   rows/CPU s  of native")
    for name, rate in rates.items():
        native = f"{name.split(',')[0]}, native"
        share = rate / rates[native] / (1 if name.endswith(("native", "Keras")) else result["cores"])
        cpu_share = cpu_rates[name] / cpu_rates[native]
        print(f"  {name:14s} {rate:9,d} {share:17.2f} {cpu_rates[name]:12,d} {cpu_share:10.2f}")
    faster = [kind["ids, ours"] / kind["ids, spark_udf"] for kind in (rates, cpu_rates)]
    print(f"  ours against spark_udf: {faster[0]:.2f} times by the clock, {faster[1]:.2f} by CPU")
    print(f"  largest difference of a probability: {result['largest_difference']:.1e}\n")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=65_536)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="write the numbers as JSON")
    parser.add_argument("--folder", help=argparse.SUPPRESS)  # of a process that measures
    parser.add_argument("--cores", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
