"""`jobs clean`: frees the store of what is old, and of nothing that a registered version or a live query needs."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone

from jobs.submission import JOBS, find_sections, needs_spark
from pipelines.errors import MalgilError
from pipelines.io.store import Store
from pipelines.io.store_cleaning import Leftover, check_nothing_goes, find_leftovers, find_registered, remove_leftover
from pipelines.io.tracking import connect_mlflow
from pipelines.settings import load_settings

_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def clean_store(settings: Sequence[str], *, conf: str, age: str, is_dry: bool) -> Iterator[str]:
    """The lines to print while it removes one after another; the last one is JSON.

    Raises MalgilError where the registry does not answer, which says what is needed, and where a run goes that may need
    more.
    """
    before = datetime.now(timezone.utc) - parse_age(age)
    loaded = load_settings(settings, conf=conf)
    store = Store(loaded.store)
    if not is_dry:
        check_nothing_goes(store, _list_harmless())
    found = find_leftovers(store, find_registered(connect_mlflow(loaded.mlflow)), before=before)
    return _remove(store, found, is_dry=is_dry)


def parse_age(age: str) -> timedelta:
    """Of `30d`, `12h` or `8w`. Raises MalgilError for anything else."""
    found = re.fullmatch(r"(\d{1,6})([hdw])", age)
    if not found:
        raise MalgilError(f"--older-than: expected a number and h, d or w, such as 30d, received {age!r}")
    return int(found[1]) * _UNITS[found[2]]


def _remove(store: Store, found: Sequence[Leftover], *, is_dry: bool) -> Iterator[str]:
    for leftover in found:
        if not is_dry:
            remove_leftover(store, leftover)
        yield f"{leftover.changed_at:%Y-%m-%d}  {leftover.size / 1e6:>12,.1f} MB  {leftover.name}"
    done = "would_remove" if is_dry else "removed"
    yield json.dumps({"store": store.root, done: len(found), "bytes": sum(leftover.size for leftover in found)})


def _list_harmless() -> list[str]:
    """Jobs that read no old output: those that run on live messages, and those without Spark."""
    names = [file.stem for file in JOBS.glob("*.py") if "\nSECTIONS = " in file.read_text(encoding="utf8")]
    return [name for name in names if "live" in find_sections(name) or not needs_spark(name)]
