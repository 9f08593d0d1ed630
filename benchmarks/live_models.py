"""What each further model costs a live process, in memory and CPU: labels and replies beside the intents.

    python -m benchmarks.live_models [--output FILE]

Each row is a process of its own with one thread that follows the models and predicts generated shop chat, texts alone
and many together; nothing is sent or written. CPU time is what other work on the machine changes least. Models have
the default shapes and random weights: two tasks, and as many answers as there may be, three suggested to each message.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.predict_batch import generate_texts
from benchmarks.results import write_results
from benchmarks.stream.bench import register_versions
from benchmarks.stream.further import promote_further
from pipelines.io.followed_models import ModelSource, following_models
from pipelines.io.live_releases import LiveNames, LiveReleases
from pipelines.io.shared_model import import_tensorflow
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tracking import MlflowConfig, connect_mlflow
from pipelines.live_models import LiveModels
from pipelines.live_prediction import CleanMessage, predict_clean
from pipelines.prediction import PredictionConfig
from pipelines.suggestions import SuggestionsConfig

_TEXTS, _PREDICTED = 20_000, 2_000
_TASKS = tuple(MlflowConfig().label_models)
_PARTS = {"intents": (), "intents, labels": ("labels",), "intents, replies": ("replies",)}
_REPEATS = 3  # the least time counts


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="a file for the numbers as JSON")
    parser.add_argument(
        "--follow", help=argparse.SUPPRESS
    )  # the releases' folder: what a row's process is started with
    parser.add_argument("--parts", nargs="*", default=[], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.follow:
        print(json.dumps(_measure(arguments.follow, arguments.parts)))
        return
    with tempfile.TemporaryDirectory(prefix="malgil-live-models-") as folder:
        releases = _release(Path(folder))
        found = {name: _run(releases, parts) for name, parts in _PARTS.items()}
    for name, numbers in found.items():
        print(f"{name:<20}" + "".join(f"{key:>24} {value:>8,}" for key, value in numbers.items()))
    write_results(arguments.output, found)


def _release(folder: Path) -> str:
    """The models, released; where."""
    texts, names = generate_texts(_TEXTS), MlflowConfig()
    tracking = connect_mlflow(
        MlflowConfig(
            tracking_uri=f"sqlite:///{folder}/mlflow.db", artifact_root=f"{folder}/artifacts", cache=f"{folder}/cache"
        )
    )
    register_versions(tracking, texts)
    promote_further(tracking, texts)
    live = LiveNames(names.intent_model, reply=names.reply_model, labels=names.label_models)
    return LiveReleases(tracking, Store(StoreConfig(root=f"{folder}/store")), live).folder


def _run(releases: str, parts: tuple[str, ...]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.live_models", "--follow", releases, "--parts", *parts]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(ended.stdout.splitlines()[-1]))


def _measure(releases: str, parts: list[str]) -> dict[str, Any]:
    texts = generate_texts(_PREDICTED)
    import_tensorflow(threads=1)
    source = ModelSource(
        releases, 60.0, PredictionConfig(), tasks=_TASKS if "labels" in parts else (),
        suggestions=SuggestionsConfig() if "replies" in parts else None,
    )  # fmt: skip
    row = {"message_id": "m", "room_id": None, "bot_id": None, "sent_at": None, "sent_us": None}
    messages = [CleanMessage(row, text) for text in texts]
    with following_models(source) as followed:
        together = _spend(followed.current, [messages]) / _PREDICTED
        alone = _spend(followed.current, [[message] for message in messages[:200]]) / 200
        memory = psutil.Process().memory_full_info().uss
    return {
        "own_memory_mib": round(memory / 2**20),
        "us_together": round(together * 1e6),
        "us_alone": round(alone * 1e6),
    }


def _spend(models: LiveModels, batches: list[list[CleanMessage]]) -> float:
    """CPU seconds of predicting the batches one after the other, warm."""
    seconds = []
    for _ in range(1 + _REPEATS):
        started = time.process_time()
        for batch in batches:
            predict_clean(batch, models)
        seconds.append(time.process_time() - started)
    return min(seconds[1:])


if __name__ == "__main__":
    main()
