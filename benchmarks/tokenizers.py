"""Messages tokenized a second: our column, the same analyzer called natively, and the usual row UDF of Okt.

    python -m benchmarks.tokenizers [--rows 60000] [--runs 5] [--analyzers mecab_ko] [--output result.json]

Everything runs pinned to one core (local[1]; one native process), then to two (local[2]; two processes), the
ways one after another in each run, warm: runs that are not counted load the analyzers, start the Python
workers and let the JVMs compile. Reported are medians. "library" is the analyzer's own call, one text at a
time, as its documentation has it (konlpy with its own JVM settings); "ours" is udfs.analyzers.tokenize in a
process; "spark" is pipelines.tokenization.tokens_column, less what one row a task costs (starting the job).
Slow analyzers get a share of the rows. The texts are 3i4k's from ../shared/data, or else a seeded mix of
sentences of our own.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from benchmarks.native_analyzers import LIBRARIES, Natives, tag_with_okt, time_library, time_ours
from benchmarks.results import write_results
from pipelines.io.session import create_session
from pipelines.tokenization import tokens_column
from udfs.analyzers import ANALYZERS

CORES = (1, 2)
WARM_UPS = 2
ROW_UDF = "row UDF of okt"
NATIVE_WAYS = ("ours", "library")
SHARES = {"kkma": 0.01, "okt": 0.05, "hannanum": 0.08, "kiwi": 0.15, "komoran": 0.2}  # of --rows
DATA = Path("../shared/data/3i4k/fci_train_val.txt")

HEADS = ("어제 주문한 물건이", "이 옷 검은색으로", "배송지를 잘못 적었는데", "저번에 산 운동화")
TAILS = ("언제 도착하나요", "바꿀 수 있을까요?", "아직 안 왔어요ㅠㅠ", "사이즈가 안 맞아서요")

Seconds = dict[str, list[float]]


def main() -> None:
    arguments = _parse_arguments()
    if arguments.cores:
        print(json.dumps(measure(arguments)))
        return
    results = [row for cores in CORES for row in _measure_pinned(cores)]
    _print_table(results)
    write_results(arguments.output, {"rows": arguments.rows, "results": results})


def measure(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One result an analyzer and one for the row UDF; rates are rows/s of all `arguments.cores` together."""
    os.sched_setaffinity(0, range(arguments.cores))
    master = f"local[{arguments.cores}]"
    spark = create_session("benchmark-tokenizers", spark_master=master, spark_ui_showConsoleProgress="false")
    texts = read_texts(arguments.rows)
    row_udf = measure_row_udf(spark, texts[: int(arguments.rows * SHARES["okt"])], runs=arguments.runs)
    results = [row_udf]
    for analyzer in arguments.analyzers:
        rows = int(arguments.rows * SHARES.get(analyzer, 1))
        results.append(measure_analyzer(spark, analyzer, texts[:rows], arguments=arguments))
    return [{"cores": arguments.cores, **result} for result in results]


def measure_analyzer(
    spark: SparkSession, analyzer: str, texts: list[str], *, arguments: argparse.Namespace
) -> dict[str, Any]:
    with Natives(arguments.cores) as natives:
        ways = _spark_ways(spark, tokens_column(F.col("text"), analyzer), texts)
        ways["ours"] = lambda: natives.time(time_ours, analyzer, texts)
        if analyzer in LIBRARIES:
            ways["library"] = lambda: natives.time(time_library, analyzer, texts)
        seconds = _repeat(ways, runs=arguments.runs)
    in_all = len(texts) * arguments.cores  # each native process takes all the texts
    rates = {way: in_all / median(s) for way, s in seconds.items() if way in NATIVE_WAYS}
    return _result(analyzer, texts, seconds, rates)


def measure_row_udf(spark: SparkSession, texts: list[str], *, runs: int) -> dict[str, Any]:
    """The usual way: an ordinary UDF around konlpy's Okt. Its first run is "cold"."""
    ways = _spark_ways(spark, F.udf(tag_with_okt, T.ArrayType(T.StringType()))(F.col("text")), texts)
    cold = len(texts) / ways["spark"]()
    return _result(ROW_UDF, texts, _repeat(ways, runs=runs), {"cold": cold})


def _result(analyzer: str, texts: list[str], seconds: Seconds, rates: dict[str, float]) -> dict[str, Any]:
    spark_s = median(seconds["spark"]) - median(seconds["start"])
    rates = {"spark": len(texts) / spark_s, **rates}
    return {"analyzer": analyzer, "rows": len(texts), "seconds": seconds, "rows_per_s": rates}


def _spark_ways(spark: SparkSession, column: Column, texts: list[str]) -> dict[str, Callable[[], float]]:
    cores = spark.sparkContext.defaultParallelism
    messages, single = _cache(spark, texts), _cache(spark, texts[:cores])
    return {"spark": lambda: _time_spark(messages, column), "start": lambda: _time_spark(single, column)}


def read_texts(rows: int) -> list[str]:
    """That many texts in a seeded order: 3i4k's, or ours, again and again."""
    if DATA.exists():
        texts = [line.split("\t", 1)[1] for line in DATA.read_text(encoding="utf8").splitlines()]
    else:
        texts = [f"{head} {tail}" for head in HEADS for tail in TAILS]
    return random.Random(3).choices(texts, k=rows)


def _repeat(ways: dict[str, Callable[[], float]], *, runs: int) -> Seconds:
    for _ in range(WARM_UPS):
        for way in ways.values():
            way()
    seconds: Seconds = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            seconds[name].append(way())
    return seconds


def _cache(spark: SparkSession, texts: Sequence[str]) -> DataFrame:
    cores = spark.sparkContext.defaultParallelism
    messages = spark.createDataFrame([(text,) for text in texts], "text string").repartition(cores).cache()
    messages.count()  # reading is not what is measured
    return messages


def _time_spark(messages: DataFrame, column: Column) -> float:
    start = time.perf_counter()
    messages.select(column.alias("tokens")).write.format("noop").mode("overwrite").save()
    return time.perf_counter() - start


def _measure_pinned(cores: int) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.tokenizers", *sys.argv[1:], "--cores", str(cores)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: list[dict[str, Any]] = json.loads(result.stdout.splitlines()[-1])
    return measured


def _print_table(results: list[dict[str, Any]]) -> None:
    print("cores  analyzer             spark/s  library/s     ours/s  /library  /ours  /row UDF")
    usual = {r["cores"]: r["rows_per_s"] for r in results if r["analyzer"] == ROW_UDF}
    for result in results:
        rates = {"library": float("nan"), "ours": float("nan"), **result["rows_per_s"]}
        spark, library, ours = rates["spark"], rates["library"], rates["ours"]
        over = spark / usual[result["cores"]]["spark"]
        print(f"{result['cores']:5}  {result['analyzer']:17}{spark:11,.0f}{library:11,.0f}{ours:11,.0f}", end="")
        print(f"{spark / library:10.2f}{spark / ours:7.2f}{over:10.2f}")
    for cores, rates in usual.items():
        print(f"{ROW_UDF}, first run, {cores} core(s): {rates['cold']:,.0f} rows/s")


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--analyzers", nargs="+", default=list(ANALYZERS), choices=ANALYZERS)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--cores", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
