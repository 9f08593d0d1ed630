"""Outputs stand whole or not at all."""

from pathlib import Path

import pytest

from pipelines.errors import MalgilError
from pipelines.io.store import Store, StoreConfig, content_id, list_files


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(root=str(tmp_path / "store")))


def _local(url: str) -> Path:
    return Path(url.removeprefix("file://"))


def test_published_output_has_its_files_and_manifest(store: Store) -> None:
    def write(draft: str) -> dict[str, int]:
        (_local(draft) / "rows").write_text("하나")
        return {"rows": 1}

    assert store.publish("clean", "a1", write) == {"rows": 1}
    assert store.manifest("clean", "a1") == {"rows": 1}
    assert (_local(store.url("clean", "a1")) / "rows").read_text() == "하나"


def test_failed_output_is_invisible_and_its_remains_do_not_disturb_the_next(store: Store) -> None:
    def fail(draft: str) -> dict[str, int]:
        (_local(draft) / "half").write_text("x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.publish("clean", "a1", fail)
    assert store.manifest("clean", "a1") is None
    store.publish("clean", "a1", lambda _: {"rows": 2})
    assert [path.name for path in _local(store.url("clean", "a1")).iterdir()] == ["manifest.json"]


def test_output_is_written_again_when_hdfs_has_lost_its_datanode_meanwhile(store: Store) -> None:
    seen = []

    def write(draft: str) -> dict[str, int]:
        seen.append([path.name for path in _local(draft).iterdir()])
        (_local(draft) / "half").write_text("x")
        if len(seen) < 3:
            raise RuntimeError("Caused by: java.io.IOException: All datanodes [127.0.0.1:9866] are bad. Aborting...")
        return {"rows": 1}

    assert store.publish("clean", "a1", write) == {"rows": 1}
    assert seen == [[], [], []]
    assert sorted(path.name for path in _local(store.url("clean", "a1")).iterdir()) == ["half", "manifest.json"]


def test_outputs_are_the_complete_ones_the_oldest_first(store: Store) -> None:
    for output in ("b", "a"):
        store.publish("clean", output, lambda _: {})
    store.write_json(store.url("clean", ".c.draft", "manifest.json"), {})
    assert store.outputs("clean") == ["b", "a"]


def test_store_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MalgilError, match=r"^store.root: expected to write to .* Not a directory: .*; see its rights"):
        Store(StoreConfig(root=str(tmp_path / "file"))).publish("clean", "a1", lambda _: {})


def test_output_published_meanwhile_by_another_run_stays(store: Store) -> None:
    def write(_: str) -> dict[str, int]:
        store.publish("clean", "a1", lambda _: {"rows": 1}) if store.manifest("clean", "a1") is None else None
        return {"rows": 2}

    (_local(store.url("clean", "a1"))).mkdir(parents=True)
    store.write_json(store.url("clean", "a1", "manifest.json"), {"rows": 1})
    assert store.publish("clean", "a1", write) == {"rows": 1}


def test_equal_parts_have_equal_ids() -> None:
    assert content_id("clean", {"a": 1, "b": 2}) == content_id("clean", {"b": 2, "a": 1})
    assert content_id("clean", {"a": 1}) != content_id("clean", {"a": 2})


def test_listing_finds_data_files_and_changes_with_them(tmp_path: Path) -> None:
    (tmp_path / "day=1").mkdir()
    (tmp_path / "day=1" / "a.jsonl").write_text("{}")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "half.jsonl").write_text("{")
    listing = list_files(str(tmp_path))
    assert listing.urls == (f"file://{tmp_path}/day=1/a.jsonl",)
    assert list_files(f"{tmp_path}/day=*").urls == listing.urls
    (tmp_path / "day=1" / "a.jsonl").write_text("{}\n{}")
    assert list_files(str(tmp_path)).fingerprint != listing.fingerprint
    assert list_files(str(tmp_path / "nothing")).urls == ()
