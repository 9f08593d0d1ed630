"""How the pipeline grows: a large day on this machine, executors, the driver, and ranks.

    python -m benchmarks.scale [day executors driver ranks] [--output var/benchmarks/scale.json]

- day: 1,650,000 messages with 450 intents through the nightly run, and the memory of everything.
- executors: rows a second of each step with 1 and 2 executors, pinned to a core each; bytes shuffled a row.
- driver: its memory over 50,000, 200,000 and 800,000 messages.
- ranks: what a step costs one rank of 1 to 512, computed on one core, and the bytes that it sends.

Without a name, all of them: half an hour. docs/scaling.md reckons with the numbers.
"""

import argparse
import shutil
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.results import write_results
from benchmarks.scale.day import measure_day, print_day
from benchmarks.scale.driver import measure_driver, print_driver
from benchmarks.scale.executors import measure_executors, print_executors
from benchmarks.scale.rank_step import measure_ranks, print_ranks
from pipelines.generation import GeneratorConfig, generate_messages
from pipelines.io.raw_messages import write_raw_lines
from pipelines.io.session import create_session

PARTS = ("day", "executors", "driver", "ranks")
DAY = date(2026, 5, 1)
DRIVER_MESSAGES = (50_000, 200_000, 800_000)
_PRINT = {"day": print_day, "executors": print_executors, "driver": print_driver, "ranks": print_ranks}


def main() -> None:
    """Measure, print the tables, write the JSON."""
    arguments = _parse_arguments()
    folder = Path(arguments.folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = {}
    for part in arguments.parts or PARTS:
        found[part] = _measure(part, folder, arguments)
        _PRINT[part](found[part])
    write_results(arguments.output, found)


def _measure(part: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    match part:
        case "day":
            (folder / "day").mkdir()
            return measure_day(folder / "day", messages=arguments.messages, intents=arguments.intents)
        case "executors":
            raw = _generate(folder, (arguments.executor_messages // 10, arguments.executor_messages), arguments.intents)
            return measure_executors(list(raw.values()), folder, repeats=arguments.repeats)
        case "driver":
            return measure_driver(_generate(folder, DRIVER_MESSAGES, arguments.intents), folder)
        case _:
            return measure_ranks()


def _generate(folder: Path, sizes: tuple[int, ...], intents: int) -> dict[int, str]:
    """Raw messages by their number; made by a session that is gone when others measure."""
    spark = create_session("malgil-benchmark-scale", spark_ui_showConsoleProgress="false")
    raw = {size: folder / f"raw-{size}" for size in sizes}
    for size, path in raw.items():
        lines = generate_messages(spark, GeneratorConfig(messages=size, intents=intents, partitions=8), DAY)
        write_raw_lines(path.as_uri(), lines)
    spark.stop()
    return {size: f"{path}/data" for size, path in raw.items()}


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=PARTS, metavar="PART", help=" ".join(PARTS))
    parser.add_argument("--messages", type=int, default=1_650_000, help="of the day")
    parser.add_argument("--executor-messages", type=int, default=300_000)
    parser.add_argument("--intents", type=int, default=450)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", default="var/benchmarks/scale", help="emptied first")
    parser.add_argument("--output", type=Path, default="var/benchmarks/scale.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
