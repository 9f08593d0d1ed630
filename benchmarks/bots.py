"""A model per bot on this machine: how long all bots take, how soon a changed one is live, what heads cost predictions.

    python -m benchmarks.bots [--bots 5000] [--utterances 200] [--folder var/benchmarks/bots] [--output result.json]

In a folder, which keeps the champion and the generated bots for a second run (the bots are trained anew):

- champion: trained on a day of generated chat with 60 intents. The bots' intents are drawn from 300 finer ones.
- train: `train_bots` on generated bots, from raw rows to the version in use; its accuracy is that of utterances that
  were held out.
- change: `serve` runs; one bot's rows come with another intent, `train_bots` runs on them alone, and serve is asked
  until it answers by the new head. The clock starts before the job.
- predict: the transform of predict_batch on the same messages with the champion alone and with heads, in turns, each
  message said to one of all bots.
"""

import argparse
import json
import random
import shutil
import socket
import time
import urllib.request
from collections.abc import Callable, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.door import run_job
from benchmarks.freshness import run_live
from benchmarks.predict_batch import generate_texts
from benchmarks.results import write_results
from pipelines.bots import BotsConfig
from pipelines.io.bots_store import find_source
from pipelines.io.registry import CHAMPION, champion, download_model
from pipelines.io.session import create_session
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tracking import MlflowConfig, Tracking, connect_mlflow
from pipelines.prediction import PredictionConfig, add_predictions
from udfs.shop_chat import ChatConfig, TaughtConfig, teach_bot
from udfs.shop_chat.taught_bots import name_bot

_PLACES = ("tracking_uri", "artifact_root", "cache")
MODEL = "malgil-intent"
DAY = date(2026, 5, 1)
NOW = datetime(2026, 5, 1, tzinfo=timezone.utc)
_INTENTS = 300  # that bots draw theirs from
_NEW_INTENT = "a_new_intent"
_CHANGED = 7  # the bot that changes
_REPEATS = 3
_WITHIN_S = 120.0


def main() -> None:
    """Measure, print each part's numbers, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bots", type=int, default=5_000)
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--rows", type=int, default=65_536, help="messages that are predicted")
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks/bots"))
    parser.add_argument("--parts", nargs="*", default=["train", "predict", "change"])
    parser.add_argument("--output", type=Path, help="a file for the numbers as JSON")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    mlflow = MlflowConfig(
        tracking_uri=f"sqlite:///{folder}/mlflow.db", artifact_root=f"{folder}/artifacts", cache=f"{folder}/cache"
    )
    places = [f"store.root={folder}/store", *(f"mlflow.{key}={getattr(mlflow, key)}" for key in _PLACES)]
    folder.mkdir(parents=True, exist_ok=True)
    tracking = connect_mlflow(mlflow)
    if champion(tracking, MODEL) is None:
        for job in ("generate_messages", "clean_messages", "build_training_set", "train_intent", "evaluate_intent"):
            run_job(job, *places, f"generator.day={DAY}")
    parts: dict[str, Callable[[], Any]] = {
        "train": lambda: _train(folder, places, arguments.bots, arguments.utterances),
        "predict": lambda: _predict(folder, tracking, arguments.bots, arguments.rows),
        "change": lambda: [_change(folder, places, arguments.utterances, turn) for turn in range(_REPEATS)],
    }
    found: dict[str, Any] = {}
    for part in (part for part in parts if part in arguments.parts):
        found[part] = parts[part]()
        print(json.dumps({part: found[part]}), flush=True)
        write_results(arguments.output, found)


def _train(folder: Path, places: Sequence[str], bots: int, utterances: int) -> dict[str, Any]:
    for name in ("bots", "clean", "quarantine"):
        shutil.rmtree(folder / "store" / name, ignore_errors=True)
    taught = [f"generator.bots.taught={bots}", f"generator.bots.utterances={utterances}"]
    chat = [f"generator.intents={_INTENTS}", f"generator.day={DAY}"]
    started = time.monotonic()
    summary = run_job("train_bots", *places, *taught, *chat)
    kept = ("bots", "trained", "without_head", "utterances", "accuracy", "test_accuracy", "champion")
    size = sum(file.stat().st_size for file in (folder / "store" / "bots").rglob("*.parquet"))
    return {
        "elapsed_s": round(time.monotonic() - started, 1), "clean_s": summary["clean_messages"]["seconds"],
        "train_s": summary["seconds"], **{name: summary[name] for name in kept}, "mib": round(size / 2**20),
    }  # fmt: skip


def _change(folder: Path, places: Sequence[str], utterances: int, turn: int) -> dict[str, Any]:
    """Seconds until serve predicts a bot by what it was taught just now."""
    lines = [json.loads(line) for line in _teach(utterances)]
    for line in lines[turn::7]:
        line["intent"] = f"{_NEW_INTENT}_{turn}_{int(time.time())}"
    path = folder / "changed.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with run_live("serve", *places, f"serve.port={port}", f"serve.folder={folder}/serve"):
        url = f"http://127.0.0.1:{port}/predict"
        _wait(lambda: _ask(url, lines[0]["text"]))
        before = _ask(url, lines[0]["text"])
        started = time.monotonic()
        summary = run_job("train_bots", *places, f"input.path={path}")
        trained = time.monotonic() - started
        version = summary["version"]
        _wait(lambda: (_ask(url, lines[0]["text"]) or {}).get("bot") == version)
        return {
            "live_s": round(time.monotonic() - started, 1), "job_s": round(trained, 1), "trained": summary["trained"],
            "versions": [before and before["bot"], version],
        }  # fmt: skip


def _teach(utterances: int) -> list[bytes]:
    return teach_bot(_CHANGED, ChatConfig(intents=_INTENTS), TaughtConfig(utterances=utterances, held_out=0), DAY)


def _ask(url: str, text: str) -> dict[str, Any] | None:
    """The versions that predict a message to the bot; None while nobody answers."""
    body = json.dumps({"text": text, "bot_id": name_bot(_CHANGED)}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:
            return dict(json.load(answer)["models"])
    except OSError:
        return None


def _wait(happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not happens():
        if time.monotonic() > deadline:
            raise SystemExit(f"serve: expected an answer by the new head within {_WITHIN_S} s, found none")
        time.sleep(0.1)


def _predict(folder: Path, tracking: Tracking, bots: int, rows: int) -> dict[str, Any]:
    """Rows a second with the champion alone and with heads, medians of runs in turns, behind a first one of each."""
    spark = create_session("bots", spark_master="local[2]", spark_ui_showConsoleProgress="false")
    model = download_model(tracking, MODEL, CHAMPION)
    source = find_source(Store(StoreConfig(root=f"{folder}/store")), model, BotsConfig())
    if source is None:
        raise SystemExit("bots: expected heads for the champion, found none; run the part train first")
    draw, nothing = random.Random(1), pa.nulls(rows, pa.string())
    ids = [name_bot(draw.randrange(bots)) for _ in range(rows)]
    at = pa.array([NOW] * rows, pa.timestamp("us", "UTC"))
    names = [str(i) for i in range(rows)]
    columns = {"message_id": names, "room_id": nothing, "bot_id": ids, "sent_at": at, "text": generate_texts(rows)}
    pq.write_table(pa.table(columns), folder / "messages.parquet", row_group_size=rows // 8)
    messages = spark.read.parquet(str(folder / "messages.parquet")).repartition(2).cache()
    messages.count()
    ways = {"champion": None, "heads": source}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(1 + _REPEATS):
        for name, heads in ways.items():
            started = time.monotonic()
            predicted = add_predictions(messages, model, PredictionConfig(), predicted_at=NOW, bots=heads)
            predicted.write.format("noop").mode("overwrite").save()
            seconds[name].append(time.monotonic() - started)
    by_head = add_predictions(messages, model, PredictionConfig(), predicted_at=NOW, bots=source)
    share = by_head.where("models.bot is not null").count() / rows
    spark.stop()
    rates = {name: round(rows / median(spent[1:])) for name, spent in seconds.items()}
    return {**rates, "heads_of_champion": round(rates["heads"] / rates["champion"], 3), "by_head": round(share, 3)}


if __name__ == "__main__":
    main()
