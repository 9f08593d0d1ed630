"""How long until live predictions follow corrections: from the first one on Kafka to the first new answer.

    python -m benchmarks.freshness --output var/benchmarks/freshness.json

A champion is trained on generated chat in which one intent carries another one's label, all but a few messages of it;
the test split is right. Then predict_stream and collect_feedback run, messages of that intent are said and corrected,
learn_from_feedback runs, and the same kind of message is said on and on until it is answered as it was corrected.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import md5
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks.door import PROJECT, run_job
from benchmarks.results import write_results
from pipelines.evaluation import Evaluation
from pipelines.io.chat_client import ChatClient, ChatPrediction, PredictionTimeoutError, connect_chat
from udfs.shop_chat import LINES_PER_BLOCK, ChatConfig, write_block

DAY = date(2026, 5, 1)
WRONG, TAKEN_FOR = "ask_delivery_status", "request_tax_invoice"
LABELS_KEPT = 30  # one in so many messages of the intent keeps its label, so that the champion has the intent at all
ANSWER_S = 300.0


@dataclass(frozen=True)
class Stack:
    """Where the services are, and the settings that bring jobs there."""

    kafka: str
    redis: str
    settings: Sequence[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="lines of the day that the champion learns from")
    parser.add_argument("--corrections", type=int, default=200)
    parser.add_argument("--output", type=Path, help="a file for the numbers as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="malgil-freshness-") as folder, run_stack(Path(folder)) as stack:
        numbers = measure(Path(folder), stack, arguments.messages, arguments.corrections)
    for name, value in numbers.items():
        print(f"{name:<28} {value}")
    write_results(arguments.output, numbers)


def measure(folder: Path, stack: Stack, messages: int, corrections: int) -> dict[str, Any]:
    """Seconds from the first correction to each step's end, and the accuracies around it."""
    write_day(folder / "day.jsonl", messages)
    source = [f"input.path={folder}/day.jsonl", "cleaning.duplicates.window_s=-1"]
    for job in ("clean_messages", "build_training_set", "train_intent", "evaluate_intent"):
        trained = run_job(job, *stack.settings, *source)
    champion = trained["version"]
    texts = [row["text"] for row in say_of(seed=2, intent=WRONG, wanted=corrections + 200)]
    with ExitStack() as running:
        for job in ("predict_stream", "collect_feedback"):
            running.enter_context(run_live(job, *stack.settings))
        chat = running.enter_context(connect_chat(stack.kafka, stack.redis))
        ids = [chat.send(text, room_id=f"room-{i % 20}") for i, text in enumerate(texts[:corrections])]
        answers = wait_for(chat, ids)
        before = Counter(answer.intent for answer in answers)
        started = time.monotonic()
        for answer in answers:
            chat.correct(answer.message_id, WRONG)
        while (learned := run_job("learn_from_feedback", *stack.settings))["skipped"]:
            continue  # as a scheduler would: the corrections were not all filed yet
        learned_s = time.monotonic() - started
        if not learned["promoted"]:
            raise SystemExit(learned["reason"])
        version = ask_until_fresh(chat, texts[corrections:], champion)
        fresh_s = time.monotonic() - started
        ids = [chat.send(text, room_id=f"after-{i % 20}") for i, text in enumerate(texts[corrections:])]
        after = Counter(answer.intent for answer in wait_for(chat, ids))
    return {
        "seconds_to_new_answer": round(fresh_s, 1), "seconds_to_promotion": round(learned_s, 1),
        "learn_elapsed_s": learned["elapsed_s"], "promoted": learned["promoted"], "reason": learned["reason"],
        "versions": f"{champion} -> {version}", "corrections": learned["corrections"],
        "right_before": round(before[WRONG] / before.total(), 4), "right_after": round(after[WRONG] / after.total(), 4),
        "metrics": learned["metrics"], "champion_metrics": learned["champion_metrics"],
        "old_test_without_the_intent": read_others(folder / "store" / "evaluations", learned["metrics"]["test_rows"]),
    }  # fmt: skip


def read_others(evaluations: Path, test_rows: int) -> list[float]:
    """The accuracy on the old test split but for the intent WRONG: of the champion, then of its successor."""
    files = sorted(evaluations.glob("*/manifest.json"), key=lambda file: file.stat().st_mtime)
    found = [Evaluation.from_json(file.read_text(encoding="utf8")) for file in files]
    return [_accuracy_of_others(evaluation) for evaluation in found if evaluation.rows == test_rows]


def _accuracy_of_others(evaluation: Evaluation) -> float:
    others = [score for score in evaluation.intents if score.intent != WRONG]
    return round(sum(score.recall * score.support for score in others) / sum(score.support for score in others), 4)


def write_day(path: Path, messages: int) -> None:
    """A day's labelled customer messages, split by their texts, the intent WRONG mislabelled but in the test split."""
    with path.open("w", encoding="utf8") as file:
        for row in read_lines(seed=1, messages=messages):
            number = int(md5(row["text"].encode()).hexdigest(), 16)
            row["split"] = ("test", "validation", "train")[(number % 10 > 0) + (number % 10 > 1)]
            is_kept = number // 10 % LABELS_KEPT == 0
            if row["intent"] == WRONG and row["split"] != "test" and not is_kept:
                row["intent"] = TAKEN_FOR
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_lines(*, seed: int, messages: int) -> Iterator[dict[str, Any]]:
    """Generated customer messages that have a label; of another seed, others."""
    chat = ChatConfig(seed=seed, long_text_chars=1_000)
    for block in range(-(-messages // LINES_PER_BLOCK)):
        for line in write_block(block, chat, DAY):
            row = read_json(line)
            if isinstance(row.get("text"), str) and row.get("intent") and row.get("speaker") == "customer":
                yield row


def read_json(line: bytes) -> dict[str, Any]:
    """The line's object; an empty one for the broken lines that a day has."""
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def say_of(*, seed: int, intent: str, wanted: int) -> list[dict[str, Any]]:
    """Messages of the intent."""
    found: list[dict[str, Any]] = []
    for row in read_lines(seed=seed, messages=1_000_000):
        found += [row] if row["intent"] == intent else []
        if len(found) == wanted:
            break
    return found


def wait_for(chat: ChatClient, ids: Sequence[str]) -> list[ChatPrediction]:
    """The messages' predictions; a message that became a dead letter has none."""
    deadline, found = time.monotonic() + ANSWER_S, dict[str, ChatPrediction]()
    while len(found) < 0.9 * len(ids) and time.monotonic() < deadline:
        found |= {i: answer for i in ids if i not in found and (answer := chat.find(i))}
        time.sleep(0.2)
    return list(found.values())


def ask_until_fresh(chat: ChatClient, texts: Sequence[str], champion: str) -> str:
    """Say things of the intent until another version than the champion answers one as it was corrected; returns it."""
    deadline = time.monotonic() + ANSWER_S
    for text in cycle(texts):
        if time.monotonic() > deadline:
            raise SystemExit(f"expected a new answer within {ANSWER_S:g} s, found none")
        try:
            answer = chat.predict(text, room_id="asking", timeout_s=5)
        except PredictionTimeoutError:  # too short a text, say
            continue
        version = answer.models["intent"]
        if version and version != champion and answer.intent == WRONG:
            break
    return version or ""


@contextmanager
def run_stack(folder: Path) -> Iterator[Stack]:
    """Kafka, Redis and MLflow of the dev stack."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    devstack = [sys.executable, "-m", "devstack"]
    options = ["--folder", str(folder / "stack")]
    subprocess.run([*devstack, "up", "redis", "kafka", "mlflow", *options], check=True, env=environment, cwd=PROJECT)
    try:
        found = json.loads((folder / "stack" / "stack.json").read_text())["addresses"]
        settings = [
            f"store.root={folder}/store", f"mlflow.tracking_uri={found['mlflow']}",
            f"mlflow.artifact_root={folder}/artifacts", f"mlflow.cache={folder}/cache", f"redis.url={found['redis']}",
            f"kafka.bootstrap_servers={found['kafka']}",
        ]  # fmt: skip
        yield Stack(found["kafka"], found["redis"], settings)
    finally:
        subprocess.run([*devstack, "down", *options], check=True, env=environment, cwd=PROJECT)


@contextmanager
def run_live(name: str, *settings: str) -> Iterator[None]:
    """Inside, the live job runs."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "jobs", name, *settings]
    process = subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)


if __name__ == "__main__":
    main()
