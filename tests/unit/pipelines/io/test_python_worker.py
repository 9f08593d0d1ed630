"""Cheaper Python workers: what was loaded before is neither read nor walked through again, what comes later is."""

import gc
import subprocess
import sys
import weakref
from pathlib import Path
from zipfile import ZipFile

from pipelines.io.python_worker import keep_objects

PROJECT = Path(__file__).resolve().parents[4]


class Ring:
    """An object that only the collector frees."""

    def __init__(self) -> None:
        self.itself = self


def test_a_collection_leaves_what_stands_and_frees_what_came_later() -> None:
    standing = [Ring() for _ in range(1000)]
    try:
        keep_objects()
        assert gc.get_freeze_count() >= len(standing)
        later = weakref.ref(Ring())
        gc.collect()
        assert later() is None
    finally:
        gc.unfreeze()


def test_the_next_call_frees_what_was_kept_and_is_held_no_more() -> None:
    replaced: Ring | None = Ring()
    found = weakref.ref(replaced)
    try:
        keep_objects()
        replaced = None
        gc.collect()
        assert found() is not None
        keep_objects()
        assert found() is None
    finally:
        gc.unfreeze()


def test_an_archive_is_not_read_again_and_a_new_one_is_found(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr(f"{name}_module.py", f"NAME = {name!r}")
    first, second = (str(tmp_path / f"{name}.zip") for name in ("first", "second"))
    program = f"""
import importlib, os, sys
from pipelines.io.python_worker import keep_archives_read
keep_archives_read()
sys.path.append({first!r})
import first_module
os.remove({first!r})
sys.path.append({second!r})
importlib.invalidate_caches()  # would find that the first one is gone
import second_module
print(first_module.NAME, second_module.NAME, sys.path_importer_cache[{first!r}].is_package("first_module"))
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["first", "second", "False"]
