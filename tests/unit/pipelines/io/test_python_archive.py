"""The packed environment: what it holds, and that it starts a Python that lies elsewhere."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from pipelines.io.python_archive import NO_PYTHON, write_environment


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """Another place than the one that was packed, which is gone."""
    packages = tmp_path / "site-packages"
    for name in ("greeting.py", "greeting_data/tests/test_it.py", "pyspark/jars/spark.jar", "pyspark/sql.py"):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("TEXT = '안녕하세요'\n")
    with (tmp_path / "environment.tar.gz").open("wb") as file:
        write_environment(file, lambda _: None, packages=str(packages))
    packages.rename(tmp_path / "elsewhere")
    with tarfile.open(tmp_path / "environment.tar.gz") as archive:
        archive.extractall(tmp_path / "node", filter="data")
    return tmp_path / "node"


def test_it_holds_what_jobs_import(unpacked: Path) -> None:
    files = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert files == {"bin/python", "packages/greeting.py", "packages/pyspark/sql.py"}


def test_its_python_imports_its_packages_and_so_does_what_it_starts(unpacked: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import greeting; print(greeting.TEXT)'])"
    ran = subprocess.run([unpacked / "bin" / "python", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "안녕하세요\n"


def test_a_node_without_this_python_says_so(unpacked: Path) -> None:
    launcher = unpacked / "bin" / "python"
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    launcher.write_text(launcher.read_text().replace(minor, "3.99"))
    ran = subprocess.run([launcher, "-c", ""], capture_output=True, text=True, check=False)
    assert ran.returncode == NO_PYTHON
    assert ran.stderr.startswith("malgil: expected Python 3.99 on ")
