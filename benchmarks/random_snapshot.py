"""A snapshot of random rows shaped like a real one, for benchmarks that need no texts.

The default features with full vocabularies, padded as Korean chat is, and 450 intents. Ids follow Zipf's law as
words do: that decides how many rows of an embedding a batch touches.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from models.files import write_bytes
from models.vocabulary import FIRST_TOKEN_ID, InputSpec
from pipelines.training_set import TrainingSetConfig

FEATURES = TrainingSetConfig().features
INPUTS = {
    name: InputSpec(FIRST_TOKEN_ID + feature.max_vocabulary, feature.length) for name, feature in FEATURES.items()
}
MEAN_TOKENS = {"mecab_ko": 9, "characters": 18, "character_ngrams": 45}  # of 3i4k's utterances
INTENTS = 450
ROWS_PER_FILE = 20_000


def write_random_snapshot(folder: Path, *, train: int, validation: int, seed: int = 0) -> str:
    """Write the splits and the manifest; returns the snapshot's URL."""
    source = np.random.default_rng(seed)
    for split, rows in (("train", train), ("validation", validation)):
        (folder / split).mkdir(parents=True)
        files = max(2, round(rows / ROWS_PER_FILE))
        for number, part in enumerate(np.array_split(np.arange(rows), files)):
            pq.write_table(_random_rows(source, len(part)), folder / split / f"part-{number:03d}.parquet")
    features = {name: {"size": spec.size, "length": spec.length} for name, spec in INPUTS.items()}
    intents = [f"intent {number}" for number in range(INTENTS)]
    manifest = {"rows": {"train": train, "validation": validation}, "intents": intents, "features": features}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf8")
    return folder.as_uri()


def copy_snapshot(folder: Path, url: str) -> None:
    """Put the snapshot's files under the URL."""
    for file in (path for path in folder.rglob("*") if path.is_file()):
        write_bytes(f"{url}/{file.relative_to(folder)}", file.read_bytes())


def _random_rows(source: np.random.Generator, rows: int) -> pa.Table:
    columns = {name: _lists(random_ids(source, rows, name)) for name in INPUTS}
    labels = pa.array(source.integers(0, INTENTS, rows).astype(np.int32))
    return pa.table({"text": ["" for _ in range(rows)], **columns, "label": labels})


def random_ids(source: np.random.Generator, rows: int, name: str) -> npt.NDArray[np.int32]:
    """Ids of so many rows of a feature, padded."""
    spec = INPUTS[name]
    ranks = np.arange(1, spec.size - FIRST_TOKEN_ID + 1)
    ids = FIRST_TOKEN_ID + source.choice(len(ranks), (rows, spec.length), p=1 / ranks / (1 / ranks).sum())
    mean = MEAN_TOKENS.get(FEATURES[name].analyzer, spec.length // 2)
    tokens = 1 + source.poisson(mean - 1, rows)
    return np.where(np.arange(spec.length) < tokens[:, None], ids, 0).astype(np.int32)


def _lists(ids: npt.NDArray[np.int32]) -> pa.Array:
    offsets = pa.array(np.arange(0, ids.size + 1, ids.shape[1], dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(ids.ravel()))
