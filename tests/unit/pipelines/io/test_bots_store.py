"""Versions of bots in the store: old ones go, the one in use never."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

from pipelines.io.bots_store import bots_folder, find_current, remove_old_versions
from pipelines.io.sharded_versions import read_version
from pipelines.io.store import Store, StoreConfig

NOW = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


def test_versions_that_are_old_and_not_in_use_go(tmp_path: Path) -> None:
    store = Store(StoreConfig(str(tmp_path)))
    assert find_current(store) is None
    for version, hours in (("in-use", 50), ("old", 30), ("just-replaced", 40), ("replaced", 40), ("young", 2)):
        made_at = (NOW - timedelta(hours=hours)).isoformat()
        store.publish("bots", version, lambda _, made_at=made_at: {"made_at": made_at})
    pointer = {"version": "in-use", "champion": "c", "files": [["data/a", "5eed"]]}
    ages = {"just-replaced": 1, "replaced": 25}
    replaced = {version: (NOW - timedelta(hours=hours)).isoformat() for version, hours in ages.items()}
    store.write_json(store.url("bots", "current.json"), {**pointer, "replaced": replaced})

    assert set(remove_old_versions(store, before=NOW - timedelta(hours=24))) == {"old", "replaced"}

    assert set(store.outputs("bots")) == {"in-use", "young", "just-replaced"}
    assert (find_current(store) or {})["version"] == "in-use"
    version = read_version(bots_folder(store))
    assert version is not None
    assert (version.url, version.files) == (store.url("bots", "in-use"), (("data/a", "5eed"),))
