"""Files on any system that fsspec reaches (this machine's, HDFS): found by URL, written whole or not at all."""

import os
import uuid

import fsspec
from fsspec.implementations.local import LocalFileSystem

fsspec.register_implementation("hdfs", "models.hdfs.HdfsFiles", clobber=True)  # imported when an hdfs:// URL comes


def locate(url: str, **options: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a URL or a local path, and the path on it; nothing is asked of a server yet.

    `options` are the file system's own: of HDFS, properties over those of HADOOP_CONF_DIR.
    """
    filesystem, path = fsspec.core.url_to_fs(url, **options)
    return filesystem, path


def file_exists(url: str) -> bool:
    filesystem, path = locate(url)
    return bool(filesystem.exists(path))


def read_bytes(url: str) -> bytes | None:
    """The file's content; None where there is none."""
    filesystem, path = locate(url)
    try:
        return bytes(filesystem.cat_file(path))
    except FileNotFoundError:
        return None


def remove_file(url: str) -> None:
    """Remove the file, if it is there."""
    filesystem, path = locate(url)
    if filesystem.exists(path):
        filesystem.rm_file(path)


def write_bytes(url: str, content: bytes) -> None:
    """Put `content` at `url`; folders are made.

    Guarantee: a reader sees the old file, no file, or the whole new one, never a part; writing again replaces. A
    writer that is killed leaves at most a hidden temporary file.
    """
    filesystem, path = locate(url)
    temporary = _write_beside(filesystem, path, content)
    filesystem.mv(temporary, path, overwrite=True)  # HDFS refuses to replace unless told; a local rename does it


def create_bytes(url: str, content: bytes) -> bool:
    """Put `content` at `url` where nothing is yet; folders are made. Whether it did: of several at once, one does.

    Guarantee: a reader sees no file or the whole one.
    """
    filesystem, path = locate(url)
    temporary = _write_beside(filesystem, path, content)
    try:
        if isinstance(filesystem, LocalFileSystem):
            os.link(temporary, path)  # a rename would replace what stands
        else:
            filesystem.mv(temporary, path)
    except FileExistsError:
        return False
    finally:
        if filesystem.exists(temporary):
            filesystem.rm_file(temporary)
    return True


def carry_file(source: str, target: str) -> None:
    """The same file at `target` as well, in a folder that is there: a hard link on this machine, elsewhere a copy.

    It stays when `source` is removed. Only for files that nobody changes.
    """
    filesystem, path = locate(source)
    if isinstance(filesystem, LocalFileSystem):
        os.link(path, locate(target)[1])
    else:
        write_bytes(target, bytes(filesystem.cat_file(path)))


def _write_beside(filesystem: fsspec.AbstractFileSystem, path: str, content: bytes) -> str:
    """The content under a hidden name in the same folder."""
    folder = path.rpartition("/")[0]
    filesystem.makedirs(folder, exist_ok=True)
    temporary = f"{folder}/.{uuid.uuid4().hex}"
    filesystem.pipe_file(temporary, content)
    return temporary
