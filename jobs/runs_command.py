"""The door's `jobs`: which jobs ran, how each goes, what it made and wrote; to run by a spec, cancel, run again."""

import json
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from jobs.backfill import run_backfill
from jobs.clean_store import clean_store
from jobs.run_control import Plan, cancel_run, plan_retry, plan_spec, run_plan
from jobs.run_listing import follow_log, format_table, read_log
from pipelines.io.run_records import find_run
from pipelines.io.seen_runs import look_at_run, look_at_runs
from pipelines.io.store import Store
from pipelines.settings import load_settings

_SHOWN = {
    "status": "a run's whole record: settings, commit, user, application, how far it is, how it ended",
    "outputs": "what a run made in the store",
    "logs": "what a run of this machine wrote",
    "cancel": "end a run: one of this machine, or on YARN",
    "retry": "run it again, with the same settings; further ones win",
}


def command_runs(arguments: Sequence[str]) -> int:
    """Do what was asked; the exit code.

    Raises MalgilError for a run that left no record, and SystemExit for wrong arguments.
    """
    asked = _parse(arguments)
    return _COMMANDS[asked.what](asked)


def _list(asked: Namespace) -> int:
    return _print(format_table(look_at_runs(_open_store(asked), asked.most)))


def _status(asked: Namespace) -> int:
    store = _open_store(asked)
    run = look_at_run(store, find_run(store, asked.run))
    progress = asdict(run.progress) if run.progress else None
    return _print(
        [json.dumps({**asdict(run.record), "status": run.status, "progress": progress}, ensure_ascii=False, indent=1)]
    )


def _outputs(asked: Namespace) -> int:
    store = _open_store(asked)
    return _print(store.outputs_of(find_run(store, asked.run).run_id))


def _logs(asked: Namespace) -> int:
    store = _open_store(asked)
    record = find_run(store, asked.run)
    for text in follow_log(store, record) if asked.follow else read_log(record):
        print(text, end="", flush=True)
    return 0


def _cancel(asked: Namespace) -> int:
    record = cancel_run(_open_store(asked), asked.run)
    return _print([f"{record.run_id} {record.status}"])


def _retry(asked: Namespace) -> int:
    return _run_plan(plan_retry(_open_store(asked), asked.run, asked.settings), asked)


def _run(asked: Namespace) -> int:
    if asked.backfill:
        code, summary = run_backfill(asked.spec, asked.settings, asked.backfill, tell=_tell)
        return _print([json.dumps(summary, ensure_ascii=False)]) or code
    return _run_plan(plan_spec(asked.spec, asked.settings), asked)


def _run_plan(plan: Plan, asked: Namespace) -> int:
    code, summary = run_plan(plan, run_id=asked.run_id, tell=_tell)
    return _print([json.dumps(summary, ensure_ascii=False)]) or code


def _clean(asked: Namespace) -> int:
    return _print(clean_store(asked.settings, conf=asked.conf, age=asked.older_than, is_dry=asked.dry_run))


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


_COMMANDS: dict[str, Callable[[Namespace], int]] = {
    "list": _list, "status": _status, "outputs": _outputs, "logs": _logs, "cancel": _cancel, "retry": _retry,
    "run": _run, "clean": _clean,
}  # fmt: skip


def _print(lines: Iterable[str]) -> int:
    for line in lines:
        print(line)
    return 0


def _open_store(asked: Namespace) -> Store:
    named = [setting for setting in asked.settings if not setting.startswith("spark.")]
    return Store(load_settings(named, conf=asked.conf).store)


def _parse(arguments: Sequence[str]) -> Namespace:
    parser = ArgumentParser("./spark-submit.sh jobs", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    run, shared = ArgumentParser(add_help=False), ArgumentParser(add_help=False)
    run.add_argument("run", help="its run_id")
    shared.add_argument("--conf", default="local", help="local or yarn: where the store is looked for")
    shared.add_argument("settings", nargs="*", metavar="section.key=value", help="store.root, if it is not the default")
    kinds = parser.add_subparsers(dest="what", required=True)
    listing = kinds.add_parser("list", parents=[shared], help="the newest runs")
    listing.add_argument("--most", type=int, default=20, help="how many")
    shown = {name: kinds.add_parser(name, parents=[run, shared], help=line) for name, line in _SHOWN.items()}
    shown["logs"].add_argument("--follow", action="store_true", help="until the run ends")
    cleaning = kinds.add_parser("clean", parents=[shared], help="remove what is old and nothing needs any more")
    cleaning.add_argument("--older-than", default="30d", help="such as 30d, 12h or 8w")
    cleaning.add_argument("--dry-run", action="store_true", help="only list it")
    running = kinds.add_parser("run", help="a run by a job spec, with retries and a time limit")
    running.add_argument("spec", help="a name in conf/jobs, or a YAML file")
    running.add_argument("settings", nargs="*", metavar="section.key=value", help="over those of the spec")
    running.add_argument("--backfill", default="", metavar="FROM..TO", help="past days, but those done")
    for one in (running, shown["retry"]):
        one.add_argument("--run-id", default="", help="of the first attempt; a new one if it is not given")
    given = list(arguments)
    is_bare = not given or "=" in given[0] or given[0] == "--conf"
    return parser.parse_args(["list", *given] if is_bare else given)
