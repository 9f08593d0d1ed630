"""The door's `jobs`: which jobs ran, how each went, what it made and wrote, by the records that runs leave."""

import json
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime

from jobs.submission import PROJECT
from pipelines.errors import MalgilError
from pipelines.io.run_records import RunRecord, find_run, list_newest
from pipelines.io.store import Store
from pipelines.settings import load_settings

_HEAD = ("run", "job", "status", "started", "seconds", "user", "application")


def list_runs(arguments: Sequence[str]) -> Iterator[str]:
    """The lines to print. Raises MalgilError for a run that left no record, SystemExit for wrong arguments."""
    asked = _parse(arguments)
    store = Store(load_settings(asked.settings, conf=asked.conf).store)
    if asked.what == "list":
        return _format_table(list_newest(store, asked.most))
    record = find_run(store, asked.run)
    if asked.what == "status":
        return iter([json.dumps(asdict(record), ensure_ascii=False, indent=1)])
    return iter(store.outputs_of(record.run_id)) if asked.what == "outputs" else _read_log(record)


def _parse(arguments: Sequence[str]) -> Namespace:
    parser = ArgumentParser("./spark-submit.sh jobs", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    run, shared = ArgumentParser(add_help=False), ArgumentParser(add_help=False)
    run.add_argument("run", help="its run_id")
    shared.add_argument("--conf", default="local", help="local or yarn")
    shared.add_argument("settings", nargs="*", metavar="section.key=value", help="store.root, if it is not the default")
    kinds = parser.add_subparsers(dest="what", required=True)
    listing = kinds.add_parser("list", parents=[shared], help="the newest runs")
    listing.add_argument("--most", type=int, default=20, help="how many")
    for name, line in (
        ("status", "a run's whole record: settings, commit, user, application, how it ended"),
        ("outputs", "what a run made in the store"),
        ("logs", "what a run of this machine wrote"),
    ):
        kinds.add_parser(name, parents=[run, shared], help=line)
    given = list(arguments)
    return parser.parse_args(given if given and "=" not in given[0] and given[0] != "--conf" else ["list", *given])


def _format_table(records: Iterable[RunRecord]) -> Iterator[str]:
    rows = [_HEAD, *map(_describe, records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _describe(record: RunRecord) -> tuple[str, ...]:
    started = datetime.fromisoformat(record.now)
    lasted = (datetime.fromisoformat(record.ended_at) - started).total_seconds() if record.ended_at else None
    return (
        record.run_id, record.job, record.status, f"{started:%Y-%m-%d %H:%M:%S}Z",
        "" if lasted is None else f"{lasted:,.0f}", record.user, record.application or "",
    )  # fmt: skip


def _read_log(record: RunRecord) -> Iterator[str]:
    path = PROJECT / "var" / "logs" / f"{record.job}-{record.run_id}.log"
    if not path.exists():
        raise MalgilError(
            f"run {record.run_id}: expected its log at {path.relative_to(PROJECT)}, found none; one on YARN: "
            f"./spark-submit.sh logs {record.application or 'APPLICATION_ID'}"
        )
    with path.open(encoding="utf8", errors="replace") as lines:
        yield from (line.rstrip("\n") for line in lines)
