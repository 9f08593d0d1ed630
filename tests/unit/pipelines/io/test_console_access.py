"""What the console lets through: its own pages' forms, from its own address, of people who know the token."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from pipelines.console import ConsoleConfig
from pipelines.console_rendering import Pages
from pipelines.events import EventsConfig
from pipelines.io.audit import do_audited, list_audit
from pipelines.io.console_access import Access
from pipelines.io.console_app import create_app
from pipelines.io.console_frame import Frame
from pipelines.io.console_models import model_routes
from pipelines.io.console_runs import run_routes
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.model_actions import ModelActions
from pipelines.io.registered_models import RegisteredModels
from pipelines.io.run_actions import RunActions, RunControl
from pipelines.io.run_events import RunEvents
from pipelines.io.run_records import find_run
from pipelines.io.store import Maker, Store, StoreConfig
from pipelines.io.tracking import MlflowConfig
from tests.console_browser import Browser, browsing

TOKEN = "말길 token"


@contextmanager
def serve(folder: Path, token: str | None) -> Iterator[Browser]:
    store, access = Store(StoreConfig(str(folder / "store"))), Access(ConsoleConfig(), token)
    maker = Maker("console", "run1", "2026-05-01")
    models = RegisteredModels(MlflowConfig(f"sqlite:///{folder}/mlflow.db", artifact_root=f"{folder}/artifacts"))
    actions = ModelActions(models, store, RunEvents(store, maker, "user", config=EventsConfig(), kafka=KafkaConfig()))
    frame = Frame(Pages(), access)
    runs = RunActions(RunControl((), lambda what, of: f"{what}-{of}", partial(find_run, store)), store)
    routers = [run_routes(frame, access, runs, folder), model_routes(frame, access, actions)]
    with browsing(create_app(frame, access, routers)) as browser:
        yield browser


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Browser]:
    with serve(tmp_path, None) as browser:
        yield browser


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Browser]:
    with serve(tmp_path, TOKEN) as browser:
        yield browser


def test_without_a_token_this_machine_sees_all_and_answers_say_what_browsers_may_do(local: Browser) -> None:
    answer = local.ask("GET", "/jobs")
    assert answer.status == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "HttpOnly; SameSite=Strict" in answer.headers["set-cookie"]
    assert local.ask("GET", "/jobs").headers.get("set-cookie") is None


def test_another_name_that_points_here_is_refused(local: Browser) -> None:
    for host in ("evil.example", "evil.example:8090", "127.0.0.1.evil.example", "[", ""):
        assert local.ask("GET", "/jobs", Host=host).status == 403, host
    for host in ("localhost", "LOCALHOST:80", "[::1]:8090"):
        assert local.ask("GET", "/jobs", Host=host).status == 200, host


def test_a_form_counts_only_from_its_own_page(local: Browser) -> None:
    fields = {"form_token": local.form_token(), "version": "1"}
    path = "/models/malgil-intent/promote"
    assert local.ask("POST", path, fields, Origin="http://evil.example").status == 403
    assert local.ask("POST", path, fields, Origin="null").status == 403
    assert local.ask("POST", path, {"version": "1"}).status == 403
    assert local.ask("POST", path, {**fields, "form_token": "0" * 64}).status == 403
    assert Browser(local.url, {}).ask("POST", path, fields).status == 403  # another browser's
    assert local.ask("POST", path, {**fields, "version": "1" * 70_000}).status == 403


def test_an_action_that_fails_says_why_and_is_recorded(local: Browser, tmp_path: Path) -> None:
    fields = {"form_token": local.form_token(), "version": "1"}
    answer = local.ask("POST", "/models/malgil-intent/promote", fields)
    assert answer.status == 303
    assert "expected a version or alias of nothing" in local.ask("GET", answer.headers["location"]).body
    store = Store(StoreConfig(str(tmp_path / "store")))
    (record,) = list_audit(store, 5)
    assert (record.what, record.of) == ("promote", {"model": "malgil-intent", "version": "1"})
    assert (record.status, record.address) == ("failed", "127.0.0.1")
    done = do_audited(store, lambda _: {"production": "2"}, who="김", address="::1", what="promote", of={"model": "m"})
    assert "Make it the champion · m · succeeded" in local.ask("GET", f"/models?done={done.id}").body
    audit = local.ask("GET", "/audit").body
    assert "김" in audit
    assert "production 2" in audit
    assert local.ask("POST", "/models/malgil-intent/delete", fields).status == 503
    assert local.ask("POST", "/models/another/promote", fields).status == 503


def test_with_a_token_everything_needs_it(guarded: Browser) -> None:
    assert guarded.ask("GET", "/models").headers["location"] == "/login"
    assert guarded.ask("GET", "/chat/r1/events", Accept="text/event-stream").status == 401
    fields = {"form_token": guarded.form_token(), "version": "1"}
    assert guarded.ask("POST", "/models/malgil-intent/promote", fields).status == 303
    refused = guarded.sign_in("wrong")
    assert refused.status == 403
    assert TOKEN not in refused.body
    before = dict(guarded.cookies)
    assert guarded.sign_in(TOKEN).status == 303
    assert guarded.cookies != before  # a cookie that somebody knew before is worth nothing
    assert "김" not in guarded.ask("GET", "/jobs").headers.get("set-cookie", "")
    assert guarded.ask("GET", "/jobs").status == 200
    assert Browser(guarded.url, before).ask("GET", "/jobs").status == 303
    signed_in = dict(guarded.cookies)
    guarded.ask("POST", "/logout", {"form_token": guarded.form_token("/jobs")})
    assert Browser(guarded.url, signed_in).ask("GET", "/jobs").status == 303
