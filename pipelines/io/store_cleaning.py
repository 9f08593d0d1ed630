"""What the store may lose: old outputs that nothing needs any more, what killed jobs left, and records of old runs.

Only kinds that are named here are ever touched. So corrections of people, models' versions, what live queries keep, and
whatever else lies in the store stay.
"""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pipelines.errors import MalgilError
from pipelines.io.ancestry import list_inputs
from pipelines.io.filesystems import open_filesystem
from pipelines.io.run_records import list_newest
from pipelines.io.seen_runs import STARTED, look_at_run
from pipelines.io.store import MANIFEST, Store
from pipelines.io.tracking import SNAPSHOT, TRAINING_ID, Tracking

_OUTPUTS = (
    "raw", "clean", "quarantine", "passages", "snapshots", "pairs", "tagged", "embeddings", "cooccurrences",
    "trainings", "checkpoints", "tunings", "evaluations", "predictions", "reports",
)  # fmt: skip
_RUNS = ("runs", "progress", "untold")  # <kind>/<job>/<run_id>.json
_CHECKPOINT = ("layout.json", "offsets")  # what a folder has that a live query goes on from
_PAGE = 1000

Place = tuple[str, str]  # an output's kind and id


@dataclass(frozen=True)
class Leftover:
    """What may go."""

    name: str  # below the store's root
    size: int  # bytes
    changed_at: datetime


def find_registered(tracking: Tracking) -> set[Place]:
    """The outputs that stand for the registry's versions, whatever their alias: all that they came from is needed."""
    found: set[Place] = set()
    for name, version, tags in _list_versions(tracking):
        found.add(("versions", f"{name}/{version}"))
        found |= {(kind, tags[SNAPSHOT]) for kind in ("snapshots", "pairs", "tagged") if SNAPSHOT in tags}
        found |= {("trainings", tags[TRAINING_ID])} if TRAINING_ID in tags else set()
    return found


def find_leftovers(store: Store, registered: Iterable[Place], *, before: datetime) -> list[Leftover]:
    """What was made before, and that neither a registered version nor anything newer came from, the oldest first.

    A run's record stays with what it made.
    """
    outputs = {place: _look(store, *place) for kind in _OUTPUTS for place in _list_places(store, kind)}
    newer = [place for place, found in outputs.items() if found.changed_at >= before and not _is_hidden(place)]
    needed = _follow(store, [*registered, *newer])
    old = {place: found for place, found in outputs.items() if found.changed_at < before and place not in needed}
    makers = {_maker_of(store, place) for place in {*needed, *outputs} - set(old)}
    runs = _find_old_runs(store, makers, before=before)
    spared = (found for place, found in old.items() if not _is_live(store, place))
    return sorted([*spared, *runs], key=lambda found: (found.changed_at, found.name))


def remove_leftover(store: Store, leftover: Leftover) -> None:
    """Take it out of the store.

    Guarantee: an output is whole or not there; of a killed removal a hidden folder is left, which the next one finds.
    """
    url = posixpath.join(store.root, leftover.name)
    folder, name = posixpath.split(url)
    hidden = posixpath.join(folder, name if name.startswith(".") else f".{name}.removed")
    if hidden != url:
        store.move(url, hidden)
    store.remove(hidden)


def check_nothing_goes(store: Store, harmless: Iterable[str]) -> None:
    """Raises MalgilError where a run goes that may read what is old; those of `harmless` jobs read none of it."""
    spared = set(harmless)
    begun = (run for run in list_newest(store, _PAGE) if run.status == STARTED and run.job not in spared)
    if going := [run.run_id for run in begun if look_at_run(store, run).status == STARTED]:
        raise MalgilError(f"clean: expected no run that goes, found {', '.join(going)}; wait for it, or cancel it")


def _follow(store: Store, places: Iterable[Place]) -> set[Place]:
    """The places, and all that they were made from."""
    seen: set[Place] = set()
    waiting = list(places)
    while waiting:
        place = waiting.pop()
        if place not in seen:
            seen.add(place)
            inputs = list_inputs(store, store.origin(*place))
            waiting.extend((kind, one) for kind, ids in inputs.items() for one in ids)
    return seen


def _list_places(store: Store, kind: str) -> Iterator[Place]:
    return ((kind, name) for name in store.list_names(kind))


def _look(store: Store, kind: str, name: str) -> Leftover:
    """An output is as old as its manifest, what has none as its newest file: it may be in the making."""
    filesystem, path = open_filesystem(store.url(kind, name))
    files = filesystem.find(path, withdirs=True, detail=True)
    infos = [info for info in files.values() if info] or [filesystem.info(path)]  # of a file fsspec may tell nothing
    manifest = [info for info in infos if posixpath.basename(info["name"]) == MANIFEST]
    changed = max(_changed_s(info) for info in manifest or infos)
    size = sum(info["size"] or 0 for info in infos if info["type"] != "directory")
    return Leftover(f"{kind}/{name}", size, datetime.fromtimestamp(changed, timezone.utc))


def _changed_s(info: Mapping[str, Any]) -> float:
    """Of local files seconds, of HDFS milliseconds."""
    return float(info["mtime"]) if "mtime" in info else info["modification_time"] / 1000


def _is_hidden(place: Place) -> bool:
    """A draft, or what a killed removal left."""
    return place[1].startswith(".")


def _is_live(store: Store, place: Place) -> bool:
    """A live query's checkpoint, which somebody put among the outputs."""
    return any(store.exists(store.url(*place, name)) for name in _CHECKPOINT)


def _maker_of(store: Store, place: Place) -> str:
    return str(store.origin(*place).get("made_by", {}).get("run_id", ""))


def _find_old_runs(store: Store, makers: set[str], *, before: datetime) -> Iterator[Leftover]:
    """Files of runs that made nothing that stays, and that do not go any more."""
    files = [(_run_of(name), _look(store, kind, f"{job}/{name}")) for kind, job, name in _list_run_files(store)]
    kept = makers | {run_id for run_id, found in files if found.changed_at >= before}
    return (found for run_id, found in files if run_id not in kept)


def _list_run_files(store: Store) -> Iterator[tuple[str, str, str]]:
    for kind in _RUNS:
        for job in store.list_names(kind):
            yield from ((kind, job, name) for name in store.list_names(kind, job))


def _run_of(name: str) -> str:
    return name.removesuffix(".json")


def _list_versions(tracking: Tracking) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    token = None
    while True:
        found = tracking.client.search_model_versions("", max_results=_PAGE, page_token=token)
        yield from ((one.name, str(one.version), one.tags) for one in found)
        token = found.token
        if not token:
            return
