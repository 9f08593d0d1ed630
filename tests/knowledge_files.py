"""Knowledge bases as files, by words alone: what a version in the store holds of them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.io.sharded_versions import ShardedVersion
from pipelines.passage_index import PassageTable, SearchRules, build_index, write_index

RULES = SearchRules(("characters",), 0.2, 1_000)
Known = Mapping[str, Mapping[str, str]]  # by bot: answers by question


def write_knowledge(folder: Path, known: Known, *, version: str = "kb-1") -> ShardedVersion:
    """Two shards; every answer that shares a character with the message is one. Puts the version in use."""
    (folder / version).mkdir(parents=True)
    rows = []
    for number, (bot, answers) in enumerate(known.items()):
        table = PassageTable([*answers], [*answers], [*answers.values()], ["page" for _ in answers])
        content = write_index(build_index(table, None, RULES))
        (folder / version / f"{number}.npz").write_bytes(content)
        rows.append({"bot_id": bot, "file": f"{number}.npz", "sha256": hashlib.sha256(content).hexdigest()})
    empty = ShardedVersion("knowledge", version, "", str(folder / version), (("", ""),) * 2)
    files = []
    for shard in range(2):
        here = [row for row in rows if empty.shard_of(row["bot_id"]) == shard]
        file = folder / version / f"{shard}.parquet"
        if here:
            pq.write_table(pa.Table.from_pylist(here), file)
        files.append((file.name, hashlib.sha256(file.read_bytes()).hexdigest()) if here else ("", ""))
    pointer = {"version": version, "champion": "", "files": files}
    (folder / "current.json").write_text(json.dumps(pointer), encoding="utf8")
    return ShardedVersion("knowledge", version, "", str(folder / version), tuple(files))
