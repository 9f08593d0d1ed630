"""A write is one rename: whoever looks sees the file before it or after it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from models.files import create_bytes, locate, write_bytes


def test_a_write_makes_folders_replaces_and_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    url = f"{tmp_path.as_uri()}/run/progress.json"
    write_bytes(url, b"old and longer")
    write_bytes(url, b"new")

    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == {"progress.json": b"new"}


def test_urls_and_local_paths_are_located(tmp_path: Path) -> None:
    assert locate(tmp_path.as_uri())[1] == locate(str(tmp_path))[1] == str(tmp_path)


def test_hdfs_is_read_by_hdfs_native_without_asking_a_namenode() -> None:
    filesystem, path = locate("hdfs://NameService-1:8020/chat/raw/part-?.jsonl#1")

    assert (filesystem.host, filesystem.port, path) == ("NameService-1", 8020, "/chat/raw/part-?.jsonl#1")
    assert filesystem.unstrip_protocol(path) == "hdfs://NameService-1:8020/chat/raw/part-?.jsonl#1"


def test_of_several_who_create_a_file_at_once_one_does(tmp_path: Path) -> None:
    url = f"{tmp_path.as_uri()}/turns/1.json"
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: create_bytes(url, bytes([number])), range(8)))
    assert done.count(True) == 1
    assert {path.name: path.read_bytes() for path in (tmp_path / "turns").iterdir()} == {
        "1.json": bytes([done.index(True)])
    }
