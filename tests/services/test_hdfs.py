"""A real HDFS holds the store and the input, under the guarantees that local files have."""

import multiprocessing
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.files import locate, write_bytes
from models.hdfs import HdfsFiles
from pipelines.errors import MalgilError
from pipelines.io.store import Store, StoreConfig, list_files
from tests.services.runs import PROJECT, run_job


@pytest.fixture
def store(hdfs: str, request: pytest.FixtureRequest) -> Store:
    return Store(StoreConfig(root=f"{hdfs}/stores/{request.node.name}"))


def test_a_program_that_has_used_hdfs_can_fork(store: Store) -> None:
    assert store.outputs("clean") == []
    child = multiprocessing.get_context("fork").Process(target=len, args=("안녕",))
    child.start()
    child.join(30)
    code = child.exitcode
    child.kill()
    assert code == 0


# The store


def test_published_output_has_its_files_and_manifest(store: Store) -> None:
    def write(draft: str) -> dict[str, int]:
        write_bytes(f"{draft}/data/rows", "하나".encode())
        return {"rows": 1}

    assert store.publish("clean", "a1", write) == {"rows": 1}
    assert store.manifest("clean", "a1") == {"rows": 1}
    assert store.read_text(store.url("clean", "a1", "data", "rows")) == "하나"
    assert names_in(store.url("clean", "")) == ["a1"]


def test_outputs_are_listed_the_oldest_first(store: Store) -> None:
    for output in ("b", "c", "a"):
        store.publish("clean", output, lambda _: {})
    assert store.outputs("clean") == ["b", "c", "a"]


def test_an_output_that_another_run_published_meanwhile_stays(store: Store) -> None:
    other = Store(StoreConfig(root=store.root))

    def write(_: str) -> dict[str, int]:
        other.write_json(other.url("clean", "a1", "manifest.json"), {"rows": 1})
        return {"rows": 2}

    assert store.publish("clean", "a1", write) == {"rows": 1}
    assert names_in(store.url("clean", "")) == ["a1"]


def test_a_writer_that_was_killed_leaves_nothing_visible_and_the_next_one_succeeds(store: Store) -> None:
    code = f"""
import os, signal
from models.files import locate
from pipelines.io.store import Store, StoreConfig

def write(draft):
    filesystem, path = locate(draft + "/half")
    filesystem.open(path, "wb").write(b"x" * 100_000)
    os.kill(os.getpid(), signal.SIGKILL)

Store(StoreConfig(root={store.root!r})).publish("clean", "a1", write)
"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=PROJECT)
    assert killed.returncode == -signal.SIGKILL
    assert (store.manifest("clean", "a1"), store.outputs("clean")) == (None, [])
    assert names_in(store.url("clean", ".a1.draft")) == ["half"]

    assert store.publish("clean", "a1", lambda _: {"rows": 2}) == {"rows": 2}
    assert names_in(store.url("clean", "a1")) == ["manifest.json"]
    assert names_in(store.url("clean", "")) == ["a1"]


def test_a_reader_sees_the_old_text_or_the_new_one(store: Store) -> None:
    url, done = store.url("reports", "a1.html"), threading.Event()
    texts = [letter * 200_000 for letter in "가나다라마"]
    store.write_text(url, texts[0])

    def read() -> set[str]:
        seen, reader = set(), Store(StoreConfig(root=store.root))
        while not done.is_set():
            seen.add(reader.read_text(url))
        return seen

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for text in texts:
            store.write_text(url, text)
        done.set()
    assert len(reading.result()) > 1
    assert reading.result() <= set(texts)
    assert names_in(store.url("reports", "")) == ["a1.html"]


def test_of_several_who_create_a_file_at_once_one_does(store: Store) -> None:
    url = store.url("turns", "nightly", "1.json")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: store.create_json(url, {"number": number}), range(4)))
    assert (done.count(True), store.read_json(url)) == (1, {"number": done.index(True)})
    assert names_in(store.url("turns", "nightly")) == ["1.json"]


@pytest.fixture
def as_nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside, connections are another user's: those that stand were opened by the one that this process runs as."""
    monkeypatch.setenv("HADOOP_USER_NAME", "nobody")
    HdfsFiles.clear_instance_cache()
    yield
    HdfsFiles.clear_instance_cache()


@pytest.mark.usefixtures("as_nobody")
def test_a_store_that_may_not_be_written_to_is_one_line(hdfs: str) -> None:
    store = Store(StoreConfig(root=f"{hdfs}/forbidden"))
    with pytest.raises(MalgilError, match=r"^store.root: expected to write to .* received: Permission denied: [^\n]*$"):
        store.publish("clean", "a1", lambda _: {})


# Input


def test_files_of_a_folder_or_a_glob_are_found_and_known_by_their_change(hdfs: str) -> None:
    root = f"{hdfs}/listing"
    for name in ("day=1/a-1.jsonl", "day=1/a-22.jsonl", "day=2/b.jsonl.gz", "_temporary/0/a-3.jsonl", "_SUCCESS"):
        write_bytes(f"{root}/{name}", b"{}")
    whole = list_files(root)

    assert whole.urls == tuple(f"{root}/{name}" for name in ("day=1/a-1.jsonl", "day=1/a-22.jsonl", "day=2/b.jsonl.gz"))
    assert list_files(f"{root}/day=*").urls == whole.urls
    assert list_files(f"{root}/day=1/a-?.jsonl").urls == (f"{root}/day=1/a-1.jsonl",)
    assert list_files(f"{root}/day=2/b.jsonl.gz").urls == (f"{root}/day=2/b.jsonl.gz",)
    assert list_files(f"{root}/nothing").urls == ()
    write_bytes(f"{root}/day=1/a-1.jsonl", b"[]")
    assert list_files(root).fingerprint != whole.fingerprint


def test_a_namenode_that_is_not_there_is_one_line(folder: Path) -> None:
    summary = run_job(folder / "failing", "clean_messages", "store.root=hdfs://127.0.0.1:9/malgil")
    assert summary["status"] == "failed"
    assert summary["error"].startswith("hdfs://127.0.0.1:9/malgil: expected a file system that answers, received: ")


def names_in(url: str) -> list[str]:
    filesystem, path = locate(url)
    return sorted(name.rpartition("/")[2] for name in filesystem.ls(path, detail=False))
