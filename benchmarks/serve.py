"""Requests a second of `serve` on one core, beside a bare FastAPI that calls Keras for each request.

    python -m benchmarks.serve [--seconds 15] [--connections 1 8 32 64] [--output result.json]

Both serve one model of the default features and network (24 morphemes, 450 intents, random weights) on the first core;
wrk (Debian package wrk) asks from the second, each connection a request at a time, with the raw texts of generated
shop chat. serve is asked once more while its model changes every few seconds. The peer cleans and masks as serve does
and runs on the same uvicorn, uvloop and httptools; it calls Keras's `predict_on_batch`, which is faster than `predict`
for a single row. "CPU us" is the server's CPU time for a request: it says the same on a busy machine.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks.predict_batch import build_model, generate_customer_texts, generate_texts
from benchmarks.results import write_results
from pipelines.io.http_server import ServeConfig, open_socket, run_server
from pipelines.io.model_files import load_model
from pipelines.io.registry import download_model, promote, register_model
from pipelines.io.shared_model import import_tensorflow
from pipelines.io.tracking import MlflowConfig, connect_mlflow, start_run
from pipelines.polling import polling
from udfs.screening import ScreeningConfig, clean_and_screen

MODEL = "malgil-intent"
SERVER_CORE, CLIENT_CORE = 0, 1
INTENTS, TEXTS = 450, 20_000
VERSIONS = ("1", "2")
SWAP_EVERY_S, SWAP_CONNECTIONS = 5.0, 32
PROJECT = Path(__file__).resolve().parents[1]


def main() -> None:
    arguments = _parse_arguments()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if arguments.peer:
        serve_bare(_tracking_config(Path(arguments.peer)))
        return
    if shutil.which("wrk") is None:
        sys.exit("expected wrk, found none; apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="malgil-serve-") as name:
        folder = Path(name)
        prepare(folder)
        os.sched_setaffinity(0, [CLIENT_CORE])
        results = {
            way: _measure(way, folder, arguments.connections, arguments.seconds) for way in ("serve", "bare FastAPI")
        }
    _print_table(results)
    write_results(arguments.output, results)
    print(json.dumps(results))


def prepare(folder: Path) -> None:
    """A registry with two versions of the model, and the bodies of requests."""
    network, encoder = build_model(generate_texts(TEXTS), intents=INTENTS)
    tracking = connect_mlflow(_tracking_config(folder))
    for name in VERSIONS:
        run = start_run(tracking, f"training-{name}", parameters={}, tags={})
        register_model(run, MODEL, network=network, encoder=encoder, snapshot="", metrics={})
    promote(tracking, MODEL, VERSIONS[0])
    with (folder / "bodies.jsonl").open("w", encoding="utf8") as bodies:
        for number, text in enumerate(_predictable_texts()):
            message = {"message_id": f"m{number}", "room_id": f"r{number % 100}", "bot_id": "maru", "text": text}
            bodies.write(json.dumps(message, ensure_ascii=False) + "\n")


def _predictable_texts() -> Iterator[str]:
    """Raw ones, which cost cleaning, without those that cleaning would refuse: they cost next to nothing."""
    for block in range(20):
        for text in generate_customer_texts(block):
            if "\x00" not in text and clean_and_screen(text, ScreeningConfig()).reason is None:
                yield text


def serve_bare(config: MlflowConfig) -> None:
    """The plain alternative: one Keras call a request."""
    import numpy as np
    from fastapi import FastAPI
    from pydantic import BaseModel

    tracking = connect_mlflow(config)
    import_tensorflow(threads=1)
    model = load_model(download_model(tracking, MODEL, "champion"))
    intents = model.encoder.intents

    class Message(BaseModel):
        message_id: str
        room_id: str
        bot_id: str
        text: str

    app = FastAPI()

    @app.post("/predict")
    async def predict(message: Message) -> dict[str, Any]:
        cleaned = clean_and_screen(message.text, ScreeningConfig())
        probabilities = np.asarray(model.network.predict_on_batch(model.encoder.encode([cleaned.text])))[0]
        best = np.argsort(-probabilities)[:3]
        top = [(intents[i], round(float(probabilities[i]), 6)) for i in best]
        return {**message.model_dump(exclude={"text"}), "intent": top[0][0], "confidence": top[0][1], "top": top}

    opened = open_socket("127.0.0.1", 0)
    run_server(app, opened, stop_timeout_s=ServeConfig().stop_timeout_s, is_over=lambda: False, begin=_say_url)


def _say_url(url: str) -> None:
    print(json.dumps({"url": url}), file=sys.stderr, flush=True)


def _measure(way: str, folder: Path, connections: list[int], seconds: int) -> list[dict[str, Any]]:
    with _server(way, folder) as server:
        _load(server, folder, connections=16, seconds=3)  # warm
        rows = [_load(server, folder, connections=count, seconds=seconds) for count in connections]
        if way == "serve":
            with _swapping(folder):
                rows.append({**_load(server, folder, connections=SWAP_CONNECTIONS, seconds=seconds), "swaps": True})
    return rows


@contextmanager
def _swapping(folder: Path) -> Iterator[None]:
    """Inside, the alias moves again and again."""
    tracking, versions = connect_mlflow(_tracking_config(folder)), cycle(reversed(VERSIONS))
    with polling(lambda: promote(tracking, MODEL, next(versions)), every_s=SWAP_EVERY_S, name="swaps"):
        yield


class Server(NamedTuple):
    """A server on its core."""

    url: str
    process: psutil.Process  # or the door that started it


@contextmanager
def _server(way: str, folder: Path) -> Iterator[Server]:
    config = _tracking_config(folder)
    command = [sys.executable, "-m", "benchmarks.serve", "--peer", str(folder)]
    if way == "serve":
        command = [
            sys.executable, "-m", "jobs", "serve", "serve.port=0", f"serve.folder={folder}/serve",
            f"mlflow.tracking_uri={config.tracking_uri}", f"mlflow.artifact_root={config.artifact_root}",
            f"mlflow.cache={config.cache}",
        ]  # fmt: skip
    shown = folder / "shown.txt"
    with shown.open("w") as stderr:
        process = subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=stderr, text=True,
            preexec_fn=partial(os.sched_setaffinity, 0, [SERVER_CORE]),
        )  # fmt: skip
    try:
        yield Server(_wait_for_url(process, shown), psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def _wait_for_url(process: "subprocess.Popen[str]", shown: Path) -> str:
    while process.poll() is None:
        for line in shown.read_text(encoding="utf8").splitlines():
            if line.startswith('{"url"'):
                return str(json.loads(line)["url"])
        time.sleep(0.2)
    sys.exit(f"the server ended:\n{shown.read_text(encoding='utf8')[-3000:]}")


def _load(server: Server, folder: Path, *, connections: int, seconds: int) -> dict[str, Any]:
    script, used = str(PROJECT / "benchmarks/serve.lua"), _cpu_seconds(server.process)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, server.url]
    ran = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "BODIES": f"{folder}/bodies.jsonl"},
        preexec_fn=partial(os.sched_setaffinity, 0, [CLIENT_CORE]),
    )  # fmt: skip
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    cpu_us = (_cpu_seconds(server.process) - used) / found["requests"] * 1e6
    rate = round(found["requests"] / found["seconds"])
    return {"connections": connections, "requests_per_s": rate, "cpu_us": round(cpu_us), **found}


def _cpu_seconds(root: psutil.Process) -> float:
    times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    return float(sum(spent.user + spent.system for spent in times))


def _tracking_config(folder: Path) -> MlflowConfig:
    return MlflowConfig(f"sqlite:///{folder}/mlflow.db", f"{folder}/artifacts", cache=f"{folder}/cache")


def _print_table(results: dict[str, list[dict[str, Any]]]) -> None:
    print(f"{'':14s} connections  requests/s  CPU us each   p50 ms   p99 ms   max ms  refused  failed")
    for way, rows in results.items():
        for row in rows:
            print(
                f"{way:14s} {row['connections']:11d} {row['requests_per_s']:11,d} {row['cpu_us']:12d} "
                f"{row['p50_ms']:8.1f} {row['p99_ms']:8.1f} {row['max_ms']:8.1f} {row['refused']:8d} "
                f"{row['failed']:7d}{'  while the model changes' if 'swaps' in row else ''}"
            )


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=15, help="of each measurement")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--output", type=Path, help="write the numbers as JSON")
    parser.add_argument("--peer", help=argparse.SUPPRESS)  # the folder, of a process that is the peer
    return parser.parse_args()


if __name__ == "__main__":
    main()
