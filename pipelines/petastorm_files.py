"""What Petastorm reads through, where pyarrow has no file system of its own for it: HDFS.

On pyarrow 14, Petastorm's datasets take file systems of pyarrow's old kind only, and its HDFS among those needs
libhdfs, which no package brings.
"""

import warnings
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from pyarrow.filesystem import DaskFileSystem

from models.files import locate


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
