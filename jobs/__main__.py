"""The door's inside: lists the jobs, shows a job's settings, submits a job and prints how it went.

spark-submit mixes a driver's stdout with the JVM's, so the job writes its progress into a pipe and its summary
into a file; here they become this process's stderr and the last line of its stdout.
"""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
JOBS = PROJECT / "jobs"
CONF = PROJECT / "conf"
USAGE = "usage: ./spark-submit.sh JOB [section.key=value …] [--conf local]   (JOB --help lists its settings)"


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 only when all of the job worked."""
    names = find_jobs()
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, "\n", *(f"  {name:<22}{line}" for name, line in names.items()), sep="\n")
        return 0
    name, rest = arguments[0], list(arguments[1:])
    if name not in names:
        return _refuse(f"there is no job {name}; the jobs are {', '.join(names)}")
    if {"-h", "--help"} & set(rest):
        print(describe_settings(name))
        return 0
    conf, overrides = _take_conf(rest)
    known = sorted(path.stem for path in (CONF / "spark").glob("*.conf"))
    if conf not in known:
        return _refuse(f"--conf: expected {' or '.join(known)}, received {conf!r}")
    return submit(name, overrides, conf=conf)


def find_jobs() -> dict[str, str]:
    """Names of the job files with the first line of each docstring; read, not imported: that would take seconds."""
    files = sorted(JOBS.glob("*.py"))
    docs = {file.stem: ast.get_docstring(ast.parse(file.read_text(encoding="utf8"))) or "" for file in files}
    sources = {file.stem: file.read_text(encoding="utf8") for file in files}
    return {name: doc.splitlines()[0] for name, doc in docs.items() if "\nSECTIONS = " in sources[name]}


def describe_settings(name: str) -> str:
    """A job's docstring, then its sections of conf/base.yaml: every setting with its default and a comment."""
    source = ast.parse((JOBS / f"{name}.py").read_text(encoding="utf8"))
    assigned = (node for node in source.body if isinstance(node, ast.Assign))
    sections = next(ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "SECTIONS")
    blocks = re.split(r"\n(?=\w+:|# )", (CONF / "base.yaml").read_text(encoding="utf8"))
    shown = [block.rstrip() for block in blocks if block.split(":")[0] in ("dataset", "data_root", "store", *sections)]
    presets = ", ".join(sorted(path.stem for path in (CONF / "datasets").glob("*.yaml")))
    head = f"{USAGE}\n\n{ast.get_docstring(source)}\n\nSettings (section.key=value); dataset presets: {presets}\n"
    return "\n".join([head, *shown])


def submit(name: str, overrides: Sequence[str], *, conf: str) -> int:
    """Run the job under spark-submit; prints its summary as the last line of stdout."""
    run_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}"
    log = PROJECT / "var" / "logs" / f"{name}-{run_id}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"{name}: starting Spark, log in {log.relative_to(PROJECT)}", file=sys.stderr, flush=True)
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="malgil-"))
    try:
        code = _run(name, overrides, conf=conf, run_id=run_id, log=log, folder=folder)
        summary = _read_summary(folder / "summary.json")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if summary is None:
        error = f"the driver ended with exit code {code} before it could report; see {log}"
        summary = {"job": name, "status": "failed", "run_id": run_id, "error": error}
        summary["elapsed_s"] = round(time.monotonic() - started, 1)
    if summary["status"] == "failed":
        print(
            f"{name} failed: {summary['error']} (log: {log.relative_to(PROJECT)})",
            file=sys.stderr,
            flush=True,
        )
    print(json.dumps(summary, ensure_ascii=False), flush=True)
    return code if code else int(summary["status"] == "failed")


def _run(name: str, overrides: Sequence[str], *, conf: str, run_id: str, log: Path, folder: Path) -> int:
    pipe = folder / "progress"
    os.mkfifo(pipe)
    environment = {
        **os.environ,
        "MALGIL_RUN_ID": run_id, "MALGIL_CONF": conf, "MALGIL_LOG": str(log), "MALGIL_PROGRESS": str(pipe),
        "MALGIL_SUMMARY": str(folder / "summary.json"), "MALGIL_TERMINAL": str(int(sys.stderr.isatty())),
        "PYTHONPATH": str(PROJECT), "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable,
        "COLUMNS": str(shutil.get_terminal_size().columns),
    }  # fmt: skip
    command = [
        str(Path(sys.executable).parent / "spark-submit"),
        "--properties-file", str(CONF / "spark" / f"{conf}.conf"), str(JOBS / f"{name}.py"), *overrides,
    ]  # fmt: skip
    reading = os.open(pipe, os.O_RDWR)  # open at both ends, so that neither side ever waits for the other
    threading.Thread(target=_copy_progress, args=(reading,), daemon=True).start()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _: os.killpg(process.pid, received))
        code = process.wait()
    time.sleep(0.1)  # what the job wrote last is still in the pipe
    return code if code >= 0 else 128 - code


def _copy_progress(pipe: int) -> None:
    while chunk := os.read(pipe, 65_536):
        sys.stderr.buffer.write(chunk)
        sys.stderr.buffer.flush()


def _read_summary(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf8")) if path.exists() else None


def _take_conf(arguments: list[str]) -> tuple[str, list[str]]:
    if "--conf" not in arguments:
        return "local", arguments
    at = arguments.index("--conf")
    return (arguments[at + 1] if at + 1 < len(arguments) else ""), arguments[:at] + arguments[at + 2 :]


def _refuse(line: str) -> int:
    print(f"{line}\n{USAGE}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
