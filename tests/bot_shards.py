"""Heads of bots as files, without training: what a version in the store holds of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.io.sharded_versions import ShardedVersion

Weights = npt.NDArray[np.float16] | None  # (features + 1, intents); None: the bot has no head
Heads = Mapping[str, tuple[list[str], Weights]]  # intents and weights by bot


def write_heads(folder: Path, heads: Heads, *, version: str = "7", champion: str = "champion") -> ShardedVersion:
    """Four shards, of which one without a bot has no file; a message that scores below 0.25 is out of scope."""
    empty = ShardedVersion("bots", version, champion, str(folder), (("", ""),) * 4)
    files = []
    for shard in range(4):
        here = {bot: head for bot, head in heads.items() if empty.shard_of(bot) == shard}
        table = {
            "bot_id": [*here],
            "utterances": ["…"] * len(here),
            "intents": pa.array([intents for intents, _ in here.values()], pa.list_(pa.string())),
            "weights": pa.array([None if w is None else w.tobytes() for _, w in here.values()], pa.binary()),
            "scope_threshold": [0.25] * len(here),
        }
        file = folder / f"{shard}.parquet"
        pq.write_table(pa.table(table), file)
        files.append((file.name, hashlib.sha256(file.read_bytes()).hexdigest()) if here else ("", ""))
    return replace(empty, files=tuple(files))


def use_version(version: ShardedVersion) -> None:
    """Name the version, whose folder has its name, as the one in use."""
    pointer = {"version": version.version, "champion": version.champion, "files": version.files}
    (Path(version.url).parent / "current.json").write_text(json.dumps(pointer), encoding="utf8")
