"""HDFS for fsspec: hdfs-native's file system, which needs no libhdfs, with URLs read as Hadoop reads them."""

import re
import time
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from hdfs_native.fsspec import HdfsFileSystem

T = TypeVar("T")
PATIENCE_S = 120.0  # for a DataNode that is restarted, where no other one has the block
_ASKED_EVERY_S = 1.0
_NO_DATANODE = re.compile("DataTransferError|Failed to complete file in time|could only be written to")
_URL = re.compile(r"hdfs://(?P<host>[^/:]*)(?::(?P<port>\d+))?(?P<path>.*)", re.DOTALL)


class HdfsFiles(HdfsFileSystem):
    """`?` and `#` belong to a path (a glob's sign, a letter), and a name service keeps its capitals.

    Whole files are read and written again while HDFS has no DataNode for them; hdfs-native itself gives up at once.
    """

    _kept: ClassVar[list[object]] = []
    """Clients are never given back: fsspec drops its file systems in a forked child, where a client would wait for
    threads that the child does not have, and the fork would hang (pyspark forks to start its JVM)."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._kept.append(self.client)

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        found = _URL.fullmatch(path)
        return (found["path"] if found else path).rstrip("/") or cls.root_marker

    @staticmethod
    def _get_kwargs_from_urls(path: str) -> dict[str, str | int | None]:
        found = _URL.fullmatch(path)
        if not found:
            return {}
        return {"host": found["host"] or None, "port": int(found["port"]) if found["port"] else None}

    def cat_file(self, *args: Any, **options: Any) -> bytes:
        return _try_patiently(lambda: bytes(super(HdfsFiles, self).cat_file(*args, **options)))

    def pipe_file(self, *args: Any, **options: Any) -> None:
        _try_patiently(lambda: super(HdfsFiles, self).pipe_file(*args, **options))


def _try_patiently(act: Callable[[], T]) -> T:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return act()
        except RuntimeError as error:
            if not _NO_DATANODE.search(str(error)) or time.monotonic() > until:
                raise
        time.sleep(_ASKED_EVERY_S)
