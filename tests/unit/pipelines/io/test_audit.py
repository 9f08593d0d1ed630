"""What an action leaves in the store: a record before it is begun, and how it ended."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import MalgilError
from pipelines.io.audit import AuditRecord, do_audited, find_audit, list_audit
from pipelines.io.store import Store, StoreConfig

BY: dict[str, Any] = {"who": "김", "address": "127.0.0.1", "what": "promote", "of": {"model": "m", "version": "2"}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(str(tmp_path / "store")))


def test_the_record_stands_before_the_action_and_says_how_it_ended(store: Store) -> None:
    seen: list[str] = []

    def act(_: AuditRecord) -> dict[str, Any]:
        seen.append(list_audit(store, 1)[0].status)
        return {"production": "2"}

    record = do_audited(store, act, **BY)
    assert seen == ["begun"]
    assert (record.status, record.result, record.of) == ("succeeded", {"production": "2"}, BY["of"])
    assert list_audit(store, 5) == [record]
    assert find_audit(store, record.id) == record
    assert find_audit(store, "../audit") is None


def test_a_refused_action_is_recorded_with_the_reason_and_another_fault_without_its_text(store: Store) -> None:
    def refuse(_: AuditRecord) -> dict[str, Any]:
        raise MalgilError("there is no such version")

    def fail(_: AuditRecord) -> dict[str, Any]:
        raise KeyError("a text")

    assert do_audited(store, refuse, **BY).result == {"error": "there is no such version"}
    with pytest.raises(KeyError):
        do_audited(store, fail, **BY)
    newest, _ = list_audit(store, 5)
    assert (newest.status, newest.result) == ("failed", {"error": "KeyError"})


def test_nothing_is_done_that_cannot_be_recorded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(StoreConfig(str(tmp_path / "file")))
    with pytest.raises(MalgilError, match=r"store\.root: expected to write to"):
        do_audited(store, lambda _: pytest.fail("it was done"), **BY)
