"""Jars from a Maven repository, pinned by a lock file, fetched once into a cache and checked by their SHA-256.

The repository is Maven Central, or the one that MALGIL_MAVEN names (a mirror of the company); the cache is
`var/cache/jars`, or a folder that MALGIL_CACHE names, which clones on one machine can share.
"""

import fcntl
import hashlib
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from pipelines.errors import MalgilError

CENTRAL = "https://repo1.maven.org/maven2"
_REPOSITORY = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 60.0
_AT_ONCE = 8
_WAITS_S = (1.0, 4.0)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Jar:
    """One line of a lock file."""

    sha256: str
    size: int
    path: str  # in a Maven repository

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def jar_folder(lock: Path) -> Path:
    """Where the lock's jars are or will be, and nothing else: a changed lock has another folder."""
    cache = Path(os.environ.get("MALGIL_CACHE", _REPOSITORY / "var" / "cache")).resolve()
    return cache / "jars" / f"{lock.stem}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"


def fetch_jars(lock: Path) -> Path:
    """The folder with all jars of the lock; what is missing is fetched, a second caller waits for the first.

    A jar is visible under its name only once its size and SHA-256 were checked. Raises MalgilError when one
    cannot be fetched or is not the one that the lock names.
    """
    folder = jar_folder(lock)
    missing = [jar for jar in read_lock(lock) if not _is_there(jar, folder)]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with _exclusive(folder):
            _fetch_all([jar for jar in missing if not _is_there(jar, folder)], folder, lock.stem)
    return folder


def read_lock(lock: Path) -> list[Jar]:
    """The lines of a lock file: sha256, bytes, path."""
    lines = (line.split() for line in lock.read_text(encoding="utf8").splitlines() if not line.startswith("#"))
    return [Jar(sha256, int(size), path) for sha256, size, path in lines]


def _is_there(jar: Jar, folder: Path) -> bool:
    path = folder / jar.name
    return path.exists() and path.stat().st_size == jar.size


def _fetch_all(jars: list[Jar], folder: Path, name: str) -> None:
    total = sum(jar.size for jar in jars)
    with (
        tqdm(total=total, desc=f"{name} jars", unit="B", unit_scale=True, mininterval=_refresh_s()) as bar,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        for _ in pool.map(lambda jar: _fetch(jar, folder, bar), jars):
            pass


def _fetch(jar: Jar, folder: Path, bar: "tqdm[Any]") -> None:
    url = f"{os.environ.get('MALGIL_MAVEN', CENTRAL).rstrip('/')}/{jar.path}"
    draft = folder / f"{jar.name}.draft"
    size, sha256 = _download_patiently(url, draft)
    if (size, sha256) != (jar.size, jar.sha256):
        draft.unlink()
        raise MalgilError(
            f"{url} is not the jar that the lock names: expected {jar.size} bytes with SHA-256 {jar.sha256}, received "
            f"{size} with {sha256}; the repository or the way to it changed it: name another in MALGIL_MAVEN"
        )
    os.replace(draft, folder / jar.name)
    bar.update(size)


def _download_patiently(url: str, target: Path, waits_s: Sequence[float] = _WAITS_S) -> tuple[int, str]:
    """Like `_download`, tried again after each wait, but not where the repository has no such file."""
    try:
        return _download(url, target)
    except OSError as error:  # urllib's errors are among them
        is_final = isinstance(error, urllib.error.HTTPError) and error.code < 500
        if is_final or not waits_s:
            raise MalgilError(
                f"{url} cannot be fetched: {error}; check the network, or name a Maven repository in MALGIL_MAVEN"
            ) from error
    time.sleep(waits_s[0])
    return _download_patiently(url, target, waits_s[1:])


def _download(url: str, target: Path) -> tuple[int, str]:
    """Write the file; returns its size and SHA-256."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response, target.open("wb") as file:
        while chunk := response.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        return file.tell(), digest.hexdigest()


def _refresh_s() -> float:
    return 0.1 if sys.stderr.isatty() else 5.0  # where lines are kept, few


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
