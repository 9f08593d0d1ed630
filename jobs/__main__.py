"""The door's inside: lists the jobs, shows a job's settings, submits a job and prints how it went."""

import ast
import json
import os
import re
import sys
from collections.abc import Callable, Sequence

from jobs.shell_run import run_job
from jobs.submission import (
    JOBS,
    PROJECT,
    find_argument,
    find_sections,
    make_run_id,
    needs_spark,
    open_submission,
)
from pipelines.errors import MalgilError
from pipelines.io.spark_properties import CONF, write_properties

USAGE = """usage: ./spark-submit.sh JOB [section.key=value …] [spark.property=value …] [--conf local|yarn] [--detach]
       ./spark-submit.sh JOB --help                             its settings
       ./spark-submit.sh jobs [list|status RUN|outputs RUN|logs RUN]  which ran, and how
       ./spark-submit.sh jobs run SPEC | cancel RUN | retry RUN  by a spec of conf/jobs; end it; do it again
       ./spark-submit.sh jobs clean --older-than 30d [--dry-run]  frees the store; never of what a version needs
       ./spark-submit.sh package [settings] --conf yarn         ready a plain spark-submit: docs/yarn.md
       ./spark-submit.sh logs|kill APPLICATION_ID               what a YARN application's containers wrote; end it"""


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 only when all of the job worked."""
    names = find_jobs()
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, "\n", *(f"  {name:<22}{line}" for name, line in names.items()), sep="\n")
        return 0
    name, rest = arguments[0], list(arguments[1:])
    if name in _TOOLS:
        return _TOOLS[name](rest)
    if name not in names:
        return _refuse(f"there is no job {name}; the jobs are {', '.join(names)}")
    if {"-h", "--help"} & set(rest):
        print(describe_settings(name))
        return 0
    conf, overrides = _take_conf([argument for argument in rest if argument != "--detach"])
    if conf not in _known_confs():
        return _refuse(f"--conf: expected {' or '.join(_known_confs())}, received {conf!r}")
    return submit(name, name_argument(name, overrides), conf=conf, is_detached="--detach" in rest)


def name_argument(name: str, overrides: list[str]) -> list[str]:
    """`trace MESSAGE_ID` as `trace trace.message_id=MESSAGE_ID`, whatever characters the id has."""
    setting = find_argument(name)
    if not setting:
        return overrides
    named = (f"{setting}={json.dumps(one, ensure_ascii=False)}" if "=" not in one else one for one in overrides)
    return list(named)


def find_jobs() -> dict[str, str]:
    """Names of the job files with the first line of each docstring; read, not imported: that would take seconds."""
    files = sorted(JOBS.glob("*.py"))
    docs = {file.stem: ast.get_docstring(ast.parse(file.read_text(encoding="utf8"))) or "" for file in files}
    sources = {file.stem: file.read_text(encoding="utf8") for file in files}
    return {name: doc.splitlines()[0] for name, doc in docs.items() if "\nSECTIONS = " in sources[name]}


def describe_settings(name: str) -> str:
    """A job's docstring, then its sections of conf/base.yaml: every setting with its default and a comment."""
    blocks = re.split(r"\n(?=\w+:|# )", (CONF / "base.yaml").read_text(encoding="utf8"))
    sections = find_sections(name)
    wanted = ("dataset", "data_root", "store", *sections, "events", *(("yarn", "spark") if needs_spark(name) else ()))
    wanted = (*wanted, "task", "recipe") if "network" in sections else wanted
    shown = [block.rstrip() for block in blocks if block.split(":")[0] in wanted]
    doc = ast.get_docstring(ast.parse((JOBS / f"{name}.py").read_text(encoding="utf8")))
    kinds = {"dataset presets": "datasets", "tasks": "tasks", "recipes": "recipes"}
    presets = "; ".join(f"{shown}: {_list_presets(kind)}" for shown, kind in kinds.items())
    head = f"{USAGE}\n\n{doc}\n\nSettings (section.key=value); {presets}\n"
    return "\n".join([head, *shown])


def _list_presets(kind: str) -> str:
    return ", ".join(sorted(path.stem for path in (CONF / kind).glob("*.yaml")))


def submit(name: str, arguments: Sequence[str], *, conf: str, is_detached: bool) -> int:
    """Run the job under spark-submit; prints its summary as the last line of stdout. Returns the exit code."""
    code, summary = run_job(name, arguments, conf=conf, run_id=make_run_id(), is_detached=is_detached)
    print(json.dumps(summary, ensure_ascii=False), flush=True)
    return code


def _package(arguments: list[str]) -> int:
    """Put all that nodes need into the store, and write the properties that a plain spark-submit takes."""
    conf, overrides = _take_conf(arguments)
    if conf not in _known_confs():
        return _refuse(f"--conf: expected {' or '.join(_known_confs())}, received {conf!r}")
    try:
        submission = open_submission("nightly", overrides, conf=conf, run_id="")
    except MalgilError as error:
        return _refuse(str(error))
    target = PROJECT / "var" / f"spark-{conf}.conf"
    write_properties(target, submission.properties)
    print(json.dumps({"job": "package", "status": "succeeded", "properties": str(target)}))
    return 0


def _command_runs(arguments: list[str]) -> int:
    from jobs.runs_command import command_runs

    try:
        return command_runs(arguments)
    except MalgilError as error:
        print(error, file=sys.stderr)
        return 1


def _show_logs(arguments: list[str]) -> int:
    from pipelines.io.yarn_application import print_logs

    return _serve(print_logs, arguments)


def _kill(arguments: list[str]) -> int:
    from pipelines.io.yarn_application import kill_application

    return _serve(kill_application, arguments)


def _serve(serve: Callable[[str], None], arguments: list[str]) -> int:
    if len(arguments) != 1:
        return _refuse(f"expected an application's id, received {' '.join(arguments)!r}")
    try:
        serve(arguments[0])
    except MalgilError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


_TOOLS: dict[str, Callable[[list[str]], int]] = {
    "package": _package, "jobs": _command_runs, "logs": _show_logs, "kill": _kill,
}  # fmt: skip


def _known_confs() -> list[str]:
    return sorted(path.stem for path in (CONF / "spark").glob("*.conf"))


def _take_conf(arguments: list[str]) -> tuple[str, list[str]]:
    if "--conf" not in arguments:
        return "local", arguments
    at = arguments.index("--conf")
    return (arguments[at + 1] if at + 1 < len(arguments) else ""), arguments[:at] + arguments[at + 2 :]


def _refuse(line: str) -> int:
    print(f"{line}\n{USAGE}", file=sys.stderr)
    return 2


def _run_door() -> int:
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads a list may have read enough: jobs | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


if __name__ == "__main__":
    sys.exit(_run_door())
