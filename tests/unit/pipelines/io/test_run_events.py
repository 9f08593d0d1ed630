"""Events of a run by webhook: at least once, whatever the receiver does, and signed so that it can refuse others."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from examples.receive_events import is_genuine
from pipelines.errors import MalgilError
from pipelines.events import Event, EventKind, EventsConfig, sign_event
from pipelines.io.event_outbox import Outbox
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.run_events import RunEvents
from pipelines.io.store import Maker, Store, StoreConfig
from tests.webhooks import SECRET, Receiver, receiving

PROJECT = Path(__file__).resolve().parents[4]
MAKER = Maker("nightly", "20260501T000000-7", "2026-05-01T00:00:00+00:00")
MODEL = {"model": "malgil-intent", "version": "3"}
SIGNED = b'{"id": 1}'
NOBODY = "http://127.0.0.1:1"  # nothing listens there


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALGIL_WEBHOOK_SECRET", SECRET)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(root=str(tmp_path)), MAKER)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def open_events(store: Store, url: str, *, run_id: str = MAKER.run_id, **settings: float) -> RunEvents:
    config = replace(EventsConfig(webhook_url=url, retry_s=0.05), **settings)
    return RunEvents(store, replace(MAKER, run_id=run_id), "data", config=config, kafka=KafkaConfig())


def waiting(store: Store) -> list[str]:
    return [event.kind for event in Outbox(store, "webhook").read_waiting()]


def test_a_run_tells_its_begin_its_end_and_what_becomes_of_versions(store: Store, receiver: Receiver) -> None:
    events = open_events(store, receiver.url)
    with events.of_run(str), events.telling(EventKind.PROMOTED, **MODEL, reason="it is better"):
        pass
    told = [Event(**event) for event in receiver.events]
    assert [event.kind for event in told] == ["started", "promoted", "succeeded"]
    assert asdict(told[1]) == {
        "id": told[1].id, "kind": "promoted", "at": told[1].at, "job": "nightly", "run_id": MAKER.run_id,
        "user": "data", **MODEL, "reason": "it is better", "notify": "",
    }  # fmt: skip
    assert waiting(store) == []


def test_what_a_run_does_twice_is_told_twice(store: Store, receiver: Receiver) -> None:
    events = open_events(store, receiver.url)
    with events.of_run(str):
        for occasion in ("first", "second"):
            with events.telling(EventKind.PROMOTED, **MODEL, occasion=occasion):
                pass
    assert len({event["id"] for event in receiver.events if event["kind"] == "promoted"}) == 2


def test_a_run_that_fails_tells_why_and_a_change_that_fails_is_not_told(store: Store, receiver: Receiver) -> None:
    events = open_events(store, receiver.url)

    def run() -> None:
        with events.of_run(lambda error: f"told: {error}"), events.telling(EventKind.PROMOTED, **MODEL):
            raise MalgilError("the registry is away")

    with pytest.raises(MalgilError, match="the registry is away"):
        run()
    assert receiver.kinds() == ["started", "failed"]
    assert receiver.events[1]["reason"] == "told: the registry is away"


def test_what_is_not_taken_is_tried_again_while_the_run_goes_on(store: Store, receiver: Receiver) -> None:
    receiver.left_to_fail = 3
    events = open_events(store, receiver.url)
    with events.of_run(str):
        receiver.wait(1)
        assert receiver.failures == 3
    assert receiver.kinds() == ["started", "succeeded"]


def test_nobody_there_fails_no_run_and_the_next_one_delivers(store: Store, receiver: Receiver) -> None:
    with open_events(store, NOBODY).of_run(str):
        pass
    assert waiting(store) == ["started", "succeeded"]
    with open_events(store, receiver.url, run_id="20260502T000000-8").of_run(str):
        pass
    assert [(event["run_id"][:8], event["kind"]) for event in receiver.events] == [
        ("20260501", "started"), ("20260501", "succeeded"), ("20260502", "started"), ("20260502", "succeeded"),
    ]  # fmt: skip


def test_a_killed_process_has_told_what_it_put_into_the_outbox(store: Store, receiver: Receiver) -> None:
    told = subprocess.Popen(
        [sys.executable, "-c", _TELL, store.root, NOBODY], cwd=PROJECT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert told.stdout is not None
    assert told.stdout.readline() == "told\n"
    told.send_signal(signal.SIGKILL)
    told.communicate()
    assert waiting(store) == ["started", "rolled_back"]
    with open_events(store, receiver.url).of_run(str):
        pass
    assert receiver.kinds()[:2] == ["started", "rolled_back"]
    assert receiver.kinds()[-1] == "succeeded"


_TELL = """
import sys, time
from pipelines.events import EventKind, EventsConfig
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.run_events import RunEvents
from pipelines.io.store import Maker, Store, StoreConfig

maker, config = Maker("rollback_model", "1", "2026-05-01T00:00:00+00:00"), EventsConfig(webhook_url=sys.argv[2])
events = RunEvents(Store(StoreConfig(root=sys.argv[1])), maker, "data", config=config, kafka=KafkaConfig())
with events.of_run(str), events.telling(EventKind.ROLLED_BACK, model="malgil-intent", version="3"):
    print("told", flush=True)
    time.sleep(600)
"""


def test_an_event_told_twice_has_one_id_and_another_run_another(store: Store, receiver: Receiver) -> None:
    for run_id in ("1", "1", "2"):
        with open_events(store, receiver.url, run_id=run_id).of_run(str):
            pass
    assert [(event["run_id"], event["kind"]) for event in receiver.events] == [
        ("1", "started"), ("1", "succeeded"), ("2", "started"), ("2", "succeeded"),
    ]  # fmt: skip


def test_what_nobody_takes_for_days_is_dropped(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    at = datetime.now(timezone.utc) - timedelta(days=8)
    Outbox(store, "webhook").put(Event("1", "started", at.isoformat(), "nightly", "1", "data"))
    with open_events(store, NOBODY).of_run(str):
        pass
    assert waiting(store) == ["started", "succeeded"]
    assert "did not take" in caplog.text


def test_without_a_destination_nothing_is_written(store: Store, tmp_path: Path) -> None:
    events = open_events(store, "")
    with events.of_run(str), events.telling(EventKind.PROMOTED, **MODEL):
        events.tell(EventKind.STAGED, **MODEL)
    assert list(tmp_path.iterdir()) == []


def test_a_webhook_needs_a_secret(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALGIL_WEBHOOK_SECRET")
    with pytest.raises(MalgilError, match=r"^events\.webhook_url: expected the environment variable MALGIL_WEBHOOK_"):
        open_events(store, NOBODY)


@pytest.mark.parametrize(
    ("change", "is_taken"),
    [
        ({}, True),
        ({"body": b'{"id": 2}'}, False),
        ({"secret": "another"}, False),
        ({"now": 1_000_301.0}, False),  # sent again later
        ({"now": 999_699.0}, False),
        ({"timestamp": "soon"}, False),
    ],
)
def test_a_receiver_takes_only_what_was_signed_just_now(change: dict[str, object], is_taken: bool) -> None:
    given = {"body": SIGNED, "secret": SECRET, "now": 1_000_000.0, "timestamp": "1000000", **change}
    headers = {
        "Malgil-Timestamp": str(given["timestamp"]),
        "Malgil-Signature": f"sha256={sign_event(SIGNED, timestamp='1000000', secret=SECRET)}",
    }
    body, now = given["body"], given["now"]
    assert isinstance(body, bytes)
    assert isinstance(now, float)
    assert is_genuine(headers, body, secret=str(given["secret"]), now=now) is is_taken


def test_a_request_that_is_sent_again_is_handled_once(receiver: Receiver) -> None:
    import urllib3

    body, timestamp = Event("1", "started", "2026-05-01T00:00:00+00:00", "n", "1", "u").to_json(), str(int(time.time()))
    signature = sign_event(body, timestamp=timestamp, secret=SECRET)
    headers = {"Malgil-Timestamp": timestamp, "Malgil-Signature": f"sha256={signature}"}
    answers = [urllib3.request("POST", receiver.url, body=body, headers=headers).status for _ in range(2)]
    forged = urllib3.request("POST", receiver.url, body=body + b" ", headers=headers).status
    assert (answers, forged, receiver.kinds()) == ([204, 204], 401, ["started"])
