"""Versions in the store of what bots have: a row a bot, in files by a hash of its id; and which version is in use.

A version is an output `<kind>/<version>/`, and `<kind>/current.json` names the one in use, with the SHA-256 of its
files. It is replaced as a whole, so whoever predicts has the old version or the new one.
"""

import hashlib
import json
import posixpath
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from models.files import read_bytes
from pipelines.errors import MalgilError
from pipelines.io.store import Manifest, Store

_POINTER = "current.json"
_DATA = "data"


class ShardError(MalgilError):
    """The files of a version are not those that were published."""


@dataclass(frozen=True)
class ShardedVersion:
    """A version in use, as its manifest has it. It travels to the executors."""

    kind: str  # of the output
    version: str
    champion: str  # whose encoder it was made with: pipelines.io.model_files.version_id; empty: none
    url: str  # the output's folder
    files: tuple[tuple[str, str], ...]  # of each shard, in order, its name in the folder and its SHA-256

    def shard_of(self, bot_id: str) -> int:
        """Where the bot's row is, if it has one; `shard_column` reckons the same."""
        return zlib.crc32(bot_id.encode()) % len(self.files)

    def read_file(self, name: str, sha256: str, *, maker: str) -> bytes:
        """A file of the version; `maker` is the job to run where it is not there.

        Raises ShardError where it is not the one that was published, and the file system's errors.
        """
        content = read_bytes(posixpath.join(self.url, name))
        if content is None or hashlib.sha256(content).hexdigest() != sha256:
            found = "nothing" if content is None else "another file"
            raise ShardError(
                f"{self.kind}/{self.version}: expected {name} with SHA-256 {sha256[:12]}…, found {found}; "
                f"run {maker} again"
            )
        return content

    def read_rows(self, shard: int, columns: Sequence[str], *, maker: str) -> pa.Table:
        """All rows of a shard. Raises as `read_file`."""
        name, sha256 = self.files[shard]
        if not name:  # no bot is in it
            return pa.table({column: pa.array([], pa.string()) for column in columns})
        return pq.read_table(BytesIO(self.read_file(name, sha256, maker=maker)), columns=list(columns))


def shard_column(shards: int) -> Column:
    """The shard of each row, by its `bot_id`."""
    return (F.crc32(F.col("bot_id").cast("binary")) % shards).cast("int")


def versions_folder(store: Store, kind: str) -> str:
    """The URL of the folder of all versions."""
    return posixpath.dirname(store.url(kind, _POINTER))


def read_version(folder: str) -> ShardedVersion | None:
    """The version in use, for those that predict; None before the first one. `folder`: `versions_folder`."""
    content = read_bytes(posixpath.join(folder, _POINTER))
    if content is None:
        return None
    value = json.loads(content)
    files = tuple((name, sha256) for name, sha256 in value["files"])
    url = posixpath.join(folder, value["version"])
    return ShardedVersion(posixpath.basename(folder), value["version"], value["champion"], url, files)


def find_current(store: Store, kind: str) -> Manifest | None:
    """The manifest of the version in use, with its `version`; None before the first one."""
    current = read_version(versions_folder(store, kind))
    manifest = store.manifest(kind, current.version) if current else None
    return {**manifest, "version": current.version} if current and manifest else None


def use_version(store: Store, kind: str, version: str, *, before: Manifest | None, at: str, maker: str) -> Manifest:
    """Put a version that stands in the store in use, at this time (ISO 8601); returns its manifest, with its `version`.

    Raises MalgilError where another run has published since `before` was the one in use; that stays.
    """
    manifest, now = store.manifest(kind, version) or {}, find_current(store, kind)
    if (now and now["version"]) != (before and before["version"]):
        raise MalgilError(f"{kind}: expected no other run beside this one, found one that published; run {maker} again")
    replaced = {**_read_replaced(store, kind), **({before["version"]: at} if before else {})}
    kept = {name: time for name, time in replaced.items() if name in store.outputs(kind) and name != version}
    pointer = {"version": version, "champion": manifest["champion"], "files": manifest["files"], "replaced": kept}
    store.write_json(store.url(kind, _POINTER), pointer)
    return {**manifest, "version": version}


def remove_old_versions(store: Store, kind: str, *, before: datetime) -> list[str]:
    """Remove the versions that went out of use before, or never were in use and were made before; returns them.

    What still reads one fails.
    """
    current, replaced = find_current(store, kind), _read_replaced(store, kind)
    others = [version for version in store.outputs(kind) if current and version != current["version"]]
    since = {version: replaced.get(version) or (store.manifest(kind, version) or {})["made_at"] for version in others}
    old = [version for version, time in since.items() if datetime.fromisoformat(time) < before]
    for version in old:
        store.remove(store.url(kind, version))
    return old


def write_shards(rows: DataFrame, draft: str, *, shards: int) -> list[tuple[str, str]]:
    """Write rows, of which `shard` names the file, below a version's folder; each file's name there and SHA-256.

    All rows of a shard are to be in one partition of Spark's. Raises MalgilError where they are not.
    """
    spark, url = rows.sparkSession, posixpath.join(draft, _DATA)
    rows.write.partitionBy("shard").parquet(url)
    below = {"recursiveFileLookup": "true", "pathGlobFilter": "*.parquet"}
    contents = spark.read.format("binaryFile").options(**below).load(url)
    hashes = contents.select("path", F.sha2("content", 256).alias("sha256")).collect()
    by_shard = {int(row["path"].split("/shard=")[1].split("/")[0]): _name_file(row) for row in hashes}
    if len(by_shard) != len(hashes):
        raise MalgilError(f"{draft}: expected a file a shard, found {len(hashes)} of {len(by_shard)} shards")
    return [by_shard.get(shard, ("", "")) for shard in range(shards)]


def shards_url(store: Store, kind: str, version: str) -> str:
    """Where a version's rows are, for Spark."""
    return store.url(kind, version, _DATA)


def _name_file(row: Row) -> tuple[str, str]:
    """Its place in the version's folder, and its SHA-256."""
    return "/".join([_DATA, *row["path"].split("/")[-2:]]), row["sha256"]


def _read_replaced(store: Store, kind: str) -> dict[str, str]:
    """When versions that stand went out of use, as far as that was noted."""
    url = store.url(kind, _POINTER)
    return dict(store.read_json(url).get("replaced", {})) if store.exists(url) else {}
