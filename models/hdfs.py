"""HDFS for fsspec: hdfs-native's file system, which needs no libhdfs, with URLs read as Hadoop reads them."""

import re
from typing import Any, ClassVar

from hdfs_native.fsspec import HdfsFileSystem

_URL = re.compile(r"hdfs://(?P<host>[^/:]*)(?::(?P<port>\d+))?(?P<path>.*)", re.DOTALL)


class HdfsFiles(HdfsFileSystem):
    """`?` and `#` belong to a path (a glob's sign, a letter), and a name service keeps its capitals."""

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
