"""A network and a snapshot small enough to train in a test, and ways for a rank to fail."""

import json
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.encoders.cnn import CnnConfig
from models.network_config import NetworkConfig
from models.vocabulary import InputSpec

WORDS = InputSpec(size=9000, length=4)  # big enough for updates by row
LETTERS = InputSpec(size=50, length=6)
INPUTS = {"words": WORDS, "letters": LETTERS}
CLASSES = 5


@dataclass(frozen=True)
class TinyConfig:
    dropout: float = 0.0
    kill_file: str = ""  # while it exists, the first rank removes it after the second epoch and dies


def build_tiny_network(inputs: Mapping[str, InputSpec], *, classes: int, config: TinyConfig, ranks: Any = None) -> Any:
    """The intent network, with few weights; with two ranks, one has a column of the letters' votes to spare."""
    from models.network import build_network

    if config.kill_file and os.environ.get("HOROVOD_RANK") == "0" and Path(config.kill_file).exists():
        threading.Thread(target=_die_after_epoch_2, args=(Path(config.kill_file),), daemon=True).start()
    network = NetworkConfig(
        bags=["letters"],
        embedding_size=8,
        cnn=CnnConfig(widths=[1, 2], filters=4),
        word_dropout=config.dropout / 4,
        embedding_dropout=config.dropout / 4,
        dropout=config.dropout,
    )
    return build_network(inputs, classes=classes, config=network, ranks=ranks)


def build_broken_network(inputs: Mapping[str, InputSpec], *, classes: int, config: TinyConfig) -> Any:
    raise ValueError("what a customer said")


def build_dying_network(inputs: Mapping[str, InputSpec], *, classes: int, config: TinyConfig) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def write_snapshot(
    folder: Path, *, train: Sequence[int], validation: Sequence[int], longest: Sequence[int] = ()
) -> str:
    """A snapshot with files of so many rows, one row group each; labels can be learned. Returns its URL.

    Rows are full, or have one word to as many as is the `longest` of their file, in turn.
    """
    source = np.random.default_rng(0)
    for split, sizes in (("train", train), ("validation", validation)):
        (folder / split).mkdir(parents=True)
        for number, rows in enumerate(sizes):
            labels = source.integers(0, CLASSES, rows).astype(np.int32)
            table = {
                "message_id": [f"{number}-{i}" for i in range(rows)],
                "text": ["안녕"] * rows,
                "label": labels,
            }
            for name, spec in INPUTS.items():
                ids = source.integers(2 + CLASSES, spec.size, (rows, spec.length)).astype(np.int32)
                ids[:, 0] = 2 + labels
                if longest and name == "words":
                    words = source.integers(1, longest[number % len(longest)] + 1, (rows, 1))
                    ids = np.where(np.arange(spec.length) < words, ids, 0).astype(np.int32)
                table[name] = pa.array(list(ids), pa.list_(pa.int32()))
            pq.write_table(pa.table(table), folder / split / f"part-{number}.parquet")
    features = {name: {"size": spec.size, "length": spec.length} for name, spec in INPUTS.items()}
    rows_by_split = {"train": sum(train), "validation": sum(validation)}
    manifest = {
        "rows": rows_by_split,
        "intents": [f"intent {i}" for i in range(CLASSES)],
        "features": features,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf8")
    return folder.as_uri()


def _die_after_epoch_2(kill_file: Path) -> None:
    while not list(kill_file.parent.glob("**/epoch-0002.npz")):
        time.sleep(0.001)
    kill_file.unlink()
    os.kill(os.getpid(), signal.SIGKILL)
