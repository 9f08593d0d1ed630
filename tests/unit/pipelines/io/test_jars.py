"""The jar cache, against a Maven repository on loopback: pinned, checked, fetched once."""

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.errors import MalgilError
from pipelines.io.jars import fetch_jars, jar_folder, read_lock
from pipelines.io.kafka_connector import CONNECTOR_LOCK
from pipelines.io.spark_properties import CONF

LOCKS = [CONNECTOR_LOCK, *(CONF.parent / "devstack" / "locks").glob("*.lock")]

PATHS = ("org/one/1.0/one-1.0.jar", "org/two/2.0/two-2.0.jar")


class Repository(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and counts what it was asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The repository's files."""
    for path in PATHS:
        (tmp_path / "maven" / path).parent.mkdir(parents=True)
        (tmp_path / "maven" / path).write_bytes(path.encode())
    return tmp_path / "maven"


@pytest.fixture
def asked(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the repository was asked for; MALGIL_MAVEN names it."""
    handler = type("Counting", (Repository,), {"asked": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(files)))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("MALGIL_MAVEN", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("MALGIL_CACHE", str(tmp_path / "cache"))
    yield handler.asked
    server.shutdown()
    server.server_close()


@pytest.fixture
def lock(files: Path, tmp_path: Path) -> Path:
    path = tmp_path / "two.lock"
    lines = (_line(files, jar) for jar in PATHS)
    path.write_text("# two jars\n" + "".join(lines))
    return path


def _line(files: Path, jar: str) -> str:
    content = (files / jar).read_bytes()
    return f"{hashlib.sha256(content).hexdigest()} {len(content)} {jar}\n"


def test_the_jars_of_a_lock_are_fetched_once(lock: Path, asked: list[str]) -> None:
    folder = fetch_jars(lock)
    assert {path.name: path.read_bytes().decode() for path in folder.iterdir()} == {
        "one-1.0.jar": PATHS[0],
        "two-2.0.jar": PATHS[1],
    }
    assert fetch_jars(lock) == folder
    assert sorted(asked) == [f"/{path}" for path in PATHS]


def test_callers_at_the_same_time_fetch_once(lock: Path, asked: list[str]) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(fetch_jars, [lock] * 4))) == 1
    assert len(asked) == len(PATHS)


def test_a_jar_with_another_checksum_is_refused_and_not_kept(lock: Path, files: Path, asked: list[str]) -> None:
    (files / PATHS[1]).write_bytes(b"x" * len(PATHS[1]))
    with pytest.raises(MalgilError, match=r"two-2.0.jar is not the jar that the lock names: expected .* received"):
        fetch_jars(lock)
    assert [path.name for path in jar_folder(lock).iterdir()] == ["one-1.0.jar"]


def test_a_jar_that_was_cut_short_is_fetched_again(lock: Path, asked: list[str]) -> None:
    jar = fetch_jars(lock) / "one-1.0.jar"
    jar.write_bytes(b"")
    fetch_jars(lock)
    assert jar.read_bytes().decode() == PATHS[0]


def test_a_jar_that_is_not_there_is_named(lock: Path, files: Path, asked: list[str]) -> None:
    (files / PATHS[0]).unlink()
    with pytest.raises(MalgilError, match=r"one-1.0.jar cannot be fetched: HTTP Error 404.*MALGIL_MAVEN"):
        fetch_jars(lock)


def test_a_changed_lock_has_a_folder_of_its_own(lock: Path, asked: list[str]) -> None:
    before = fetch_jars(lock)
    lock.write_text(lock.read_text().splitlines(keepends=True)[1])
    assert [path.name for path in fetch_jars(lock).iterdir()] == ["one-1.0.jar"]
    assert before.exists()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_two_jars_of_a_lock_have_one_name(lock: Path) -> None:
    names = [jar.name for jar in read_lock(lock)]
    assert len(names) == len(set(names)) > 0
