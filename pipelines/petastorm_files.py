"""What Petastorm reads through and by: a file system for HDFS, and an index of the row groups.

On pyarrow 14, Petastorm's datasets take file systems of pyarrow's old kind only, and its HDFS among those needs
libhdfs, which no package brings.
"""

import io
import json
import posixpath
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fsspec
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem
from pyarrow.filesystem import DaskFileSystem

from models.files import locate, write_bytes

_OPENED_AT_ONCE = 32  # files whose footers are read; a NameNode answers many, each takes milliseconds


class PetastormFiles(DaskFileSystem):  # type: ignore[misc]  # pyarrow has no types
    """An fsspec file system in pyarrow's old interface, as far as it is used for reading Parquet."""

    def isdir(self, path: str) -> bool:
        return bool(self.fs.isdir(path))

    def isfile(self, path: str) -> bool:
        return bool(self.fs.isfile(path))

    def _isfilestore(self) -> bool:
        return True


def petastorm_files(url: str) -> Any:
    """The `filesystem` that Petastorm is to read the URL through; None, its own choice, for this machine's files."""
    filesystem, _ = locate(url)
    if isinstance(filesystem, LocalFileSystem):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # that the old kind is old
        return PetastormFiles(filesystem)


def count_row_groups(url: str) -> dict[str, int]:
    """Row groups by name of the folder's Parquet files, from their footers."""
    filesystem, path = locate(url)
    files = sorted(filesystem.glob(f"{path}/*.parquet"))
    with ThreadPoolExecutor(_OPENED_AT_ONCE) as pool:
        footers = pool.map(lambda file: _read_footer(filesystem, file), files)
        return {posixpath.basename(file): footer.num_row_groups for file, footer in zip(files, footers, strict=True)}


def write_row_group_index(url: str) -> None:
    """Put the folder's row groups beside its files, where Petastorm looks for them.

    Without it each reader opens all files for their footers: every rank in every pass, not only its own.
    """
    from petastorm.etl.dataset_metadata import ROW_GROUPS_PER_FILE_KEY  # half a second that readers do not need

    filesystem, path = locate(url)
    counts = count_row_groups(url)
    schema = _read_footer(filesystem, f"{path}/{min(counts)}").schema.to_arrow_schema()
    content = io.BytesIO()
    pq.write_metadata(schema.with_metadata({ROW_GROUPS_PER_FILE_KEY: json.dumps(counts)}), content)
    write_bytes(f"{url}/_common_metadata", content.getvalue())


def _read_footer(filesystem: fsspec.AbstractFileSystem, path: str) -> pq.FileMetaData:
    with filesystem.open(path, "rb") as file:
        return pq.read_metadata(file)
