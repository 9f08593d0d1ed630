"""The Python environment as one archive that runs on any node with a Python of the same minor version.

It holds the packages and `bin/python`, a script that starts the node's own Python with them: nothing in it depends
on the folders of the machine that packed it.
"""

import gzip
import sys
import sysconfig
import tarfile
from collections.abc import Callable
from fnmatch import fnmatch
from importlib import metadata
from io import BytesIO
from typing import IO

from pipelines.io.store import content_id

NO_PYTHON = 97  # the exit code of `bin/python` where the node lacks this Python
_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
_PACKAGES = sysconfig.get_paths()["purelib"]
_LEFT_OUT = (  # what no job imports: a third of it all. Bytecode stays: TensorFlow without it takes 5 s more to import
    "*/tests",
    "pyspark/jars",  # they travel by themselves
    "pyspark/work",
    "tensorflow/include",
    "tensorboard_data_server",
    "mlflow/server/js",
    "clang",
    "mypy*",
    "*__mypyc.*",
    "jedi*",
    "debugpy*",
    "hypothesis*",
    "ruff*",
    "IPython",
    "ipykernel",
    "prompt_toolkit",
    "tornado",
    "nbformat",
    "pandas-stubs",
    "pytest",
    "_pytest",
    "importlinter",
)
_LAUNCHER = rf"""#!/bin/bash
# Starts this node's Python {_MINOR} with the packages of this archive.
home=$(cd "$(dirname "${{BASH_SOURCE[0]}}")/.." && pwd)
name=python{_MINOR}
for python in "$MALGIL_NODE_PYTHON" $name /usr/local/bin/$name "{sys.base_prefix}/bin/$name"; do
    if "$python" -ISc 'import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})' 2>/dev/null; then
        export PYTHONPATH="$home/packages${{PYTHONPATH:+:$PYTHONPATH}}" PYTHONNOUSERSITE=1
        exec "$python" "$@"
    fi
done
echo "malgil: expected Python {_MINOR} on $(hostname), found none on its PATH; install it on every node, or name it" \
    "in spark.yarn.appMasterEnv.MALGIL_NODE_PYTHON and spark.executorEnv.MALGIL_NODE_PYTHON" >&2
exit {NO_PYTHON}
"""


def name_environment() -> str:
    """The archive's file name: another one for other packages, another Python, another way of packing."""
    packages = sorted(f"{package.metadata['Name']}=={package.version}" for package in metadata.distributions())
    return f"environment-{content_id(packages, _MINOR, _LEFT_OUT, _LAUNCHER)}.tar.gz"


def write_environment(file: IO[bytes], report: Callable[[int], None], *, packages: str = _PACKAGES) -> None:
    """Write the archive; `report` gets the bytes packed so far, a file at a time."""
    packed = 0

    def keep(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        nonlocal packed
        name = member.name.removeprefix("packages/")
        if any(fnmatch(name, pattern) for pattern in _LEFT_OUT):
            return None
        packed += member.size
        report(packed)
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    compressed = gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0)  # 6 takes 3 times as long
    with compressed, tarfile.open(fileobj=compressed, mode="w|") as archive:
        archive.add(packages, "packages", filter=keep)
        launcher = tarfile.TarInfo("bin/python")
        launcher.mode, launcher.size = 0o755, len(_LAUNCHER.encode())
        archive.addfile(launcher, BytesIO(_LAUNCHER.encode()))
