"""Live prediction on real Kafka and Redis: latency at an even rate, throughput of a backlog, and a plain loop beside.

    python -m benchmarks.stream [latency throughput long] [--further] [--faust PYTHON] [--output FILE]

- latency: at 100 messages/s, milliseconds from sent_at to visible in Redis; predict_stream, the same while its champion
  changes, then a plain loop.
- throughput: rows a second and memory while a backlog drains, by live.max_offsets_per_trigger; predict_batch and plain
  loops on the same rows.
- long: a backlog of a million messages, and whether memory grows.

Without a name, the first two: about twelve minutes. The models have the default recipe and random weights; the texts
are generated shop chat. With `--further`, predict_stream and predict_batch add labels of two tasks and replies, the
loops do not. A message is visible when Redis has its key and its room's entry.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.results import write_results
from benchmarks.stream.backlog import fill_backlog
from benchmarks.stream.bench import MODEL, Bench, open_bench
from benchmarks.stream.drain import measure_drain
from benchmarks.stream.latency import START_S, measure_latency
from benchmarks.stream.plain_loop import LoopConfig
from benchmarks.stream.process import Measured, measured
from pipelines.io.kafka_topics import make_topics
from pipelines.io.live_query import LiveConfig
from pipelines.io.registry import download_model

_CHANGE_S = 10.0
PARTS = ("latency", "throughput", "long")
Found = dict[str, Any]


def main() -> None:
    """Measure, print the tables, write the JSON."""
    arguments = _parse_arguments()
    found: dict[str, Found] = {}
    with (
        tempfile.TemporaryDirectory(prefix="malgil-benchmark-") as folder,
        open_bench(Path(folder), with_further=arguments.further) as bench,
    ):
        for part in arguments.parts or PARTS[:2]:
            found[part] = _measure(part, bench, arguments)
            _print_table(part, found[part])
    write_results(arguments.output, found)


def _measure(part: str, bench: Bench, arguments: argparse.Namespace) -> Found:
    match part:
        case "latency":
            rate = {"per_s": arguments.per_s, "seconds": arguments.seconds, "warm_s": arguments.warm_s}
            return _measure_latency(bench, faust=arguments.faust, **rate)
        case "throughput":
            return _measure_throughput(bench, rows=arguments.rows, limits=arguments.limits, faust=arguments.faust)
        case _:
            return _measure_long(bench, rows=arguments.long_rows, batch_rows=arguments.rows)


def _measure_latency(bench: Bench, *, faust: str, **rate: float) -> Found:
    found = {}
    with _stream(bench, "latency", "latency") as process:
        process.wait(lambda: '{"read"' in process.shown, within_s=START_S)
        found["predict_stream"] = measure_latency(bench, process, bench.kafka("latency").messages, **rate)
        _tell(found)
        with bench.changing_champions(every_s=_CHANGE_S):
            changing = measure_latency(bench, process, bench.kafka("latency").messages, **rate)
        found[f"another champion every {_CHANGE_S:g} s"] = changing
    _tell(found)
    for name, topic, process in _loops(bench, faust):
        found[name] = measure_latency(bench, process, topic, **rate)
        _tell(found)
    return found


def _measure_throughput(bench: Bench, *, rows: int, limits: Sequence[int], faust: str) -> Found:
    """All on the same backlog, each from its start."""
    filled = max(limits) + rows  # behind the rows that are measured there are more: no smaller micro-batch at the end
    found: Found = {"predict_batch": {"rows_per_s": fill_backlog(bench, "backlog", rows=filled, batch_rows=rows)}}
    for limit in limits:
        with _stream(bench, f"limit-{limit}", "backlog", f"live.max_offsets_per_trigger={limit}") as process:
            found[f"predict_stream, {limit:,}"] = measure_drain(bench, process, rows=rows)
        _tell(found)
    for name, _, process in _loops(bench, faust, topics="backlog"):
        found[name] = measure_drain(bench, process, rows=rows)
        _tell(found)
    return found


def _measure_long(bench: Bench, *, rows: int, batch_rows: int) -> Found:
    found: Found = {"predict_batch": {"rows_per_s": fill_backlog(bench, "long", rows=rows, batch_rows=batch_rows)}}
    with _stream(bench, "long", "long") as process:
        found["predict_stream"] = measure_drain(bench, process, rows=rows)
    return found


@contextmanager
def _stream(bench: Bench, name: str, topics: str, *more: str) -> Iterator[Measured]:
    """A predict_stream with a store of its own."""
    settings = bench.settings(topics, store=name)
    with measured(["jobs", "predict_stream", *settings, *more], bench.folder / f"{name}.log") as process:
        yield process


def _loops(bench: Bench, faust: str, *, topics: str = "") -> Iterator[tuple[str, str, Measured]]:
    """The plain loop and, where a Python has it, Faust's: each on one core, on these topics or on its own."""
    loops = {"plain loop": ("plain_loop", sys.executable), "Faust": ("faust_loop", faust)}
    for name, (module, python) in loops.items():
        if not python:
            continue
        kafka, model = bench.kafka(topics or module), download_model(bench.tracking, MODEL, "champion")
        make_topics(kafka)
        config = LoopConfig(
            kafka.bootstrap_servers, kafka.messages, kafka.predictions, bench.redis_config.url, model.path
        )
        log = bench.folder / f"{module}-{topics}.log"
        with measured([f"benchmarks.stream.{module}", config.to_json()], log, python=python) as process:
            yield name, kafka.messages, process


def _tell(found: Found) -> None:
    """What was measured last: a run takes minutes."""
    print(json.dumps(dict([list(found.items())[-1]])), file=sys.stderr, flush=True)


def _print_table(part: str, found: Found) -> None:
    columns = list(dict.fromkeys(key for numbers in found.values() for key in numbers))
    print(f"{part:<30}" + "".join(f"{column:>24}" for column in columns))
    for name, numbers in found.items():
        shown = (_show(numbers.get(column)) for column in columns)
        print(f"{name:<30}" + "".join(f"{text:>24}" for text in shown))
    print(flush=True)


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{kind} {number:,}" for kind, number in value.items() if kind == "all")
    return "" if value is None else f"{value:,}"


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=PARTS, metavar="PART", help=" ".join(PARTS))
    parser.add_argument("--per-s", type=float, default=100.0, help="messages, of latency")
    parser.add_argument("--seconds", type=float, default=60.0, help="of latency, behind the warm-up")
    parser.add_argument("--warm-s", type=float, default=60.0, help="of the warm-up: Java compiles what it runs often")
    parser.add_argument("--rows", type=int, default=150_000, help="of throughput")
    limits = (5_000, 20_000, LiveConfig().max_offsets_per_trigger, 100_000)
    parser.add_argument("--limits", type=int, nargs="+", default=limits, help="messages a micro-batch, of throughput")
    parser.add_argument("--long-rows", type=int, default=1_000_000)
    parser.add_argument("--further", action="store_true", help="labels of two tasks and replies beside the intents")
    parser.add_argument("--faust", default="", help="a Python that has faust-streaming, to measure it as well")
    parser.add_argument("--output", type=Path, default=Path("var/benchmarks/stream.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
