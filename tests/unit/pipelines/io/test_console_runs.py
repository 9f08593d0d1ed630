"""The pages of runs show each as it is: one that runs or was killed, one that worked and one that failed."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import pytest

from pipelines.console import ConsoleConfig
from pipelines.console_rendering import Pages
from pipelines.io.audit import list_audit
from pipelines.io.console_access import Access
from pipelines.io.console_app import create_app
from pipelines.io.console_frame import Frame
from pipelines.io.console_runs import read_log_end, run_routes
from pipelines.io.run_actions import RunActions, RunControl
from pipelines.io.run_progress import measure_step, progress_noted, read_progress
from pipelines.io.run_records import RunRecord, begin_record, end_record, note_end
from pipelines.io.store import Maker, Store, StoreConfig
from tests.console_browser import Browser, browsing

MAKER = Maker("clean_messages", "20260501T000000-1", "2026-05-01T00:00:00+00:00")
ENDED_AT = datetime(2026, 5, 1, 0, 2, 5, tzinfo=timezone.utc)
SETTINGS = {"store": {"root": "s"}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(str(tmp_path / "store")), MAKER)


@pytest.fixture
def browser(store: Store, tmp_path: Path) -> Iterator[Browser]:
    access = Access(ConsoleConfig(), None)
    frame = Frame(Pages(), access)
    control = RunControl(("nightly",), lambda what, of: f"{what}-{of}", partial(cancel, store))
    routes = run_routes(frame, access, RunActions(control, store), tmp_path)
    with browsing(create_app(frame, access, [routes])) as browser:
        yield browser


def cancel(store: Store, run_id: str) -> RunRecord:
    """As the jobs' does, of a run without a process."""
    record = note_end(store, MAKER.job, run_id, "cancelled by hand")
    assert record
    return record


def test_runs_are_listed_and_each_has_its_page(browser: Browser, store: Store, tmp_path: Path) -> None:
    assert "No job has run" in browser.ask("GET", "/jobs").body
    makers = [replace(MAKER, run_id=f"20260501T000000-{i}") for i in range(3)]
    _, good, bad = (begin_record(store, maker, settings=SETTINGS, application=None) for maker in makers)
    end_record(store, good, {"status": "succeeded", "read": 7, "rejected": {"pii_only": 1}}, ended_at=ENDED_AT)
    end_record(store, bad, {"status": "failed", "error": "expected <a> file"}, ended_at=ENDED_AT)
    store.publish("clean", "c1", lambda _: {"rows": 7})
    (tmp_path / f"{MAKER.job}-{MAKER.run_id}.log").write_text("began\nended\n")

    listed = browser.ask("GET", "/jobs").body
    assert [state for state in ("started", "succeeded", "failed") if f">{state}<" in listed] == [
        "started", "succeeded", "failed",
    ]  # fmt: skip
    page = browser.ask("GET", f"/jobs/{MAKER.run_id}").body
    assert "2 min 5 s" in page
    assert "clean/c1" in page
    assert "began\nended</div>" in page
    assert "<code>store.root</code></td><td><code>s</code>" in page
    assert "<code>{&#34;pii_only&#34;: 1}</code>" in browser.ask("GET", f"/jobs/{good.run_id}").body
    assert "expected &lt;a&gt; file" in browser.ask("GET", f"/jobs/{bad.run_id}").body
    assert "started" in browser.ask("GET", f"/jobs/{makers[0].run_id}").body
    unknown = browser.ask("GET", "/jobs/nobody?lang=ko")
    assert "run nobody: expected its record" in unknown.body
    assert "처리하지 못했습니다" in unknown.body


def test_how_far_a_run_is_stands_beside_it(browser: Browser, store: Store) -> None:
    begin_record(store, MAKER, settings=SETTINGS, application=None)
    step = measure_step("clean", 40, 100, unit="rows", rows=40, elapsed_s=2)
    with progress_noted(store, MAKER.job, MAKER.run_id, lambda: step, every_s=0.05):
        while read_progress(store, MAKER.job, MAKER.run_id) is None:
            time.sleep(0.01)
        page = browser.ask("GET", "/jobs").body
    assert '<progress max="1" value="0.4"' in page
    assert "clean 40.0% · 20 rows/s · 3.0 s left" in page


def test_runs_are_begun_ended_and_done_again_by_hand(browser: Browser, store: Store, tmp_path: Path) -> None:
    begin_record(store, MAKER, settings=SETTINGS, application=None)
    fields = {"form_token": browser.form_token("/jobs")}
    begun = browser.ask("POST", "/jobs/run", {**fields, "of": "nightly"}).headers["location"]
    assert 'href="/jobs/run-nightly"' in browser.ask("GET", begun).body
    (tmp_path / "run-nightly.log").write_text("waits for its turn")
    assert "waits for its turn" in browser.ask("GET", "/jobs/run-nightly").body
    ended = browser.ask("POST", "/jobs/cancel", {**fields, "of": MAKER.run_id}).headers["location"]
    page = browser.ask("GET", ended).body
    assert "cancelled by hand" in page
    assert "Run again" in page
    for action, of in (("retry", MAKER.run_id), ("run", "/etc/passwd.yaml"), ("retry", "nobody")):
        assert browser.ask("POST", f"/jobs/{action}", {**fields, "of": of}).status == 303
    assert browser.ask("POST", "/jobs/delete", {**fields, "of": MAKER.run_id}).status == 503
    assert [(one.what, one.status) for one in reversed(list_audit(store, 9))] == [
        ("run", "succeeded"), ("cancel", "succeeded"), ("retry", "succeeded"), ("run", "failed"), ("retry", "failed"),
    ]  # fmt: skip


def test_of_a_log_the_end_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"{i}\n" for i in range(1_000)))
    lines = read_log_end(tmp_path / "log")
    assert (lines[-1], len(lines)) == ("999", 200)
    assert read_log_end(tmp_path / "none") == []
