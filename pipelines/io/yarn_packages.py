"""What YARN's nodes need of us, put into the store once: the Python environment, Spark's jars, our code and conf.

Each file is named for its content, written under a temporary name and renamed: two submitters at once leave one whole
file. A file may be deleted when no job that uses it runs; the next submission puts it there again.
"""

import posixpath
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import IO

import pyspark

from models.files import locate
from pipelines.io.python_archive import name_environment, write_environment

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = ".yarn"  # in the store
_CODE = ("jobs", "pipelines", "udfs", "models", "conf")
_REPORT_EVERY_S = 5.0


def publish_packages(store: str, properties: Mapping[str, str]) -> dict[str, str]:
    """The properties that send the packages along; uploads what is not in the store yet, with lines on stderr.

    Spark's jars are left to `spark.yarn.jars` or `spark.yarn.archive` where one of them is set.
    """
    folder = posixpath.join(store, FOLDER)
    environment = _publish(folder, name_environment(), "the Python environment", write_environment)
    code = _publish(folder, f"code-{_hash_code()}.tar.gz", "the code", _write_code)
    archives = [f"{environment}#environment", f"{code}#malgil"]
    if given := properties.get("spark.yarn.dist.archives"):
        archives.append(given)
    found = {"spark.yarn.dist.archives": ",".join(archives)}
    if not {"spark.yarn.jars", "spark.yarn.archive"} & set(properties):
        name = f"spark-{pyspark.__version__}.tar"
        found["spark.yarn.archive"] = _publish(folder, name, "Spark's jars", _write_jars)
    return found


def _publish(folder: str, name: str, title: str, write: Callable[[IO[bytes], Callable[[int], None]], None]) -> str:
    """The URL of the file, which `write` has made if it was not there."""
    url = posixpath.join(folder, name)
    filesystem, path = locate(url)
    if filesystem.exists(path):
        return url
    started, draft = time.monotonic(), f"{path}.{uuid.uuid4().hex}.draft"
    filesystem.makedirs(posixpath.dirname(path), exist_ok=True)
    try:
        with filesystem.open(draft, "wb") as file:
            write(file, _reporter(title))
        if not filesystem.exists(path):  # another submitter may have been quicker
            filesystem.mv(draft, path)
    finally:
        if filesystem.exists(draft):
            filesystem.rm_file(draft)
    size_mb = filesystem.info(path)["size"] / 1e6
    _say(f"{title}: {size_mb:,.1f} MB put into {folder} in {time.monotonic() - started:.1f} s")
    return url


def _reporter(title: str) -> Callable[[int], None]:
    reported_at = time.monotonic()

    def report(size: int) -> None:
        nonlocal reported_at
        if time.monotonic() - reported_at >= _REPORT_EVERY_S:
            reported_at = time.monotonic()
            _say(f"{title}: packing, {size / 1e6:,.0f} MB so far")

    return report


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _code_files() -> list[Path]:
    files = (file for name in _CODE for file in (PROJECT / name).rglob("*") if file.is_file())
    return sorted(file for file in files if "__pycache__" not in file.parts)


def _hash_code() -> str:
    digest = sha256()
    for file in _code_files():
        digest.update(f"{file.relative_to(PROJECT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _write_code(file: IO[bytes], _: Callable[[int], None]) -> None:
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for path in _code_files():
            archive.add(path, str(path.relative_to(PROJECT)))


def _write_jars(file: IO[bytes], report: Callable[[int], None]) -> None:
    packed = 0
    with tarfile.open(fileobj=file, mode="w|") as archive:  # jars are compressed already
        for jar in sorted((Path(pyspark.__file__).parent / "jars").glob("*.jar")):
            archive.add(jar, jar.name)
            packed += jar.stat().st_size
            report(packed)
