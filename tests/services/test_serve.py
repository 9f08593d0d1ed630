"""Predictions by HTTP from a real server: the live contract, every swap without a failed request, an end that waits."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipelines.io.registry import promote
from pipelines.io.tracking import Tracking
from pipelines.prediction import PREDICTION
from tests.processes import kill_all, list_family
from tests.services.streams import MODEL, PROJECT, register, release, release_replier, release_tagger
from tests.tiny_model import ANSWERS, INTENTS

PHONE = "010-2345-6789"
MESSAGE = {"message_id": "m1", "room_id": "방1", "bot_id": "shop", "text": "배송은 언제 오나요?"}
WITHIN_S = 120


class Server:
    """A running serve on a free port."""

    def __init__(self, tracking: Tracking, folder: Path) -> None:
        config = tracking.config
        settings = [
            f"serve.folder={folder}/serve", "serve.port=0", "live.look_every_s=0.2", f"store.root={folder}/store",
            f"mlflow.tracking_uri={config.tracking_uri}", f"mlflow.artifact_root={config.artifact_root}",
            f"mlflow.cache={config.cache}",
        ]  # fmt: skip
        self._shown = folder / "serve.log"
        with self._shown.open("w") as shown:
            self._door = subprocess.Popen(
                [sys.executable, "-m", "jobs", "serve", *settings],
                cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE, stderr=shown,
                text=True,
            )  # fmt: skip
        self.wait(lambda: '{"url"' in self.shown)
        line = next(line for line in self.shown.splitlines() if line.startswith('{"url"'))
        self.url = str(json.loads(line)["url"])

    @property
    def shown(self) -> str:
        return self._shown.read_text(encoding="utf8")

    @property
    def log(self) -> str:
        name = self.shown.splitlines()[0].rpartition("log in ")[2]
        return (PROJECT / name).read_text(encoding="utf8", errors="replace")

    def wait(self, happens: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not happens():
            assert self._door.poll() is None, f"the server ended: {self.shown}"
            assert time.monotonic() < deadline, f"nothing within {WITHIN_S} s: {self.shown}"
            time.sleep(0.05)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=WITHIN_S)

    def post(self, body: bytes | dict[str, Any]) -> tuple[int, dict[str, Any]]:
        connection = self.connect()
        try:
            return _post(connection, body)
        finally:
            connection.close()

    def get(self, path: str) -> str:
        connection = self.connect()
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def refused(self) -> dict[str, str]:
        return dict(json.loads(self.get("/health"))["refused_models"])

    def ask_to_stop(self) -> None:
        self._door.send_signal(signal.SIGTERM)

    def finish(self) -> dict[str, Any]:
        """Its summary, when it ended."""
        output, _ = self._door.communicate(timeout=WITHIN_S)
        assert self._door.returncode == 0, f"{output}{self.shown}"
        return dict(json.loads(output.splitlines()[-1]))

    def kill(self) -> None:
        if self._door.poll() is None:
            kill_all(list_family(self._door.pid))
            self._door.communicate(timeout=30)


def _post(connection: http.client.HTTPConnection, body: bytes | dict[str, Any]) -> tuple[int, dict[str, Any]]:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    connection.request("POST", "/predict", content, {"Content-Type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


@pytest.fixture(scope="module")
def first(tracking: Tracking) -> str:
    """The intent champion, beside one that adds labels."""
    release(tracking, 99, name="malgil-sentiment")
    return release(tracking, seed=1)


@pytest.fixture(scope="module")
def server(tracking: Tracking, first: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests; the last one ends it."""
    server = Server(tracking, tmp_path_factory.mktemp("serve"))
    yield server
    server.kill()


def test_an_answer_is_the_live_prediction_of_a_masked_message(server: Server, first: str) -> None:
    status, prediction = server.post(MESSAGE)
    assert (status, list(prediction)) == (200, PREDICTION.fieldNames())
    assert {name: prediction[name] for name in ("message_id", "room_id", "bot_id")} == {
        name: MESSAGE[name] for name in ("message_id", "room_id", "bot_id")
    }
    assert prediction["models"] == {"intent": first, "reply": None, "bot": None, "slots": None, "knowledge": None}
    assert prediction["labels"]["sentiment"][0] in INTENTS
    assert prediction["top"][0] == [prediction["intent"], prediction["confidence"]]
    assert prediction["sent_at"] <= prediction["predicted_at"]
    _, unmasked = server.post({**MESSAGE, "text": f"{PHONE}로 환불해 주세요"})
    _, masked = server.post({**MESSAGE, "text": "[전화번호]로 환불해 주세요"})
    assert unmasked["top"] == masked["top"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({**MESSAGE, "text": PHONE}, "pii_only"),
        ({**MESSAGE, "text": "네"}, "too_short"),
        ({**MESSAGE, "text": "hello there"}, "not_korean"),
        (f'{{"text": "{PHONE}'.encode(), "broken_json"),
        ({**MESSAGE, "text": "배송 " * 100_000}, "too_long"),
    ],
)
def test_what_cannot_be_predicted_is_answered_with_the_reason_alone(
    server: Server, body: bytes | dict[str, Any], reason: str
) -> None:
    assert server.post(body) == (422, {"reason": reason})


def test_replies_are_suggested_once_there_is_a_champion_of_them(server: Server, tracking: Tracking) -> None:
    version = release_replier(tracking)
    server.wait(lambda: server.post(MESSAGE)[1]["models"]["reply"] == version)
    assert server.post({**MESSAGE, "text": ANSWERS[0]})[1]["replies"][0] == ANSWERS[0]


def test_slots_are_found_once_there_is_a_champion_of_them_and_stand_in_the_message_as_it_was_sent(
    server: Server, tracking: Tracking
) -> None:
    version = release_tagger(tracking)
    server.wait(lambda: server.post(MESSAGE)[1]["models"]["slots"] == version)
    text = f"  {PHONE}로 ㅋㅋㅋㅋ 연락 주세요"
    found = {one["text"]: text[one["start"] : one["end"]] for one in server.post({**MESSAGE, "text": text})[1]["slots"]}
    assert (found["[전화번호]"], found["연락"]) == (PHONE, "연락")


def test_its_numbers_are_there_for_prometheus_and_hold_no_text(server: Server, first: str) -> None:
    server.post(MESSAGE)
    server.post({**MESSAGE, "text": f"{PHONE} 안내"})
    lines = server.get("/metrics").splitlines()
    assert f'malgil_http_slot{{slot="production",version="{first}"}} 1.0' in lines
    assert any(line.startswith('malgil_http_requests_total{outcome="predicted"}') for line in lines)
    assert any(line.startswith("malgil_http_batch_rows_count") for line in lines)
    assert PHONE not in server.get("/metrics") + server.shown + server.log
    assert MESSAGE["text"] not in server.get("/metrics") + server.shown + server.log


def test_no_request_fails_while_models_come_and_go_and_a_broken_one_is_refused(
    server: Server, tracking: Tracking, first: str, tmp_path: Path
) -> None:
    with _asking(server) as answers, _wrk(server, tmp_path) as load:
        server.wait(lambda: answers[200, first] > 0)
        second = release(tracking, seed=2)
        server.wait(lambda: answers[200, second] > 0)
        useless = register(tracking, seed=3, classes=3)
        promote(tracking, MODEL, useless)
        server.wait(lambda: useless in server.refused())
        changed = register(tracking, seed=4)
        _change_a_file(tracking, changed)
        promote(tracking, MODEL, changed)
        server.wait(lambda: changed in server.refused())
        third = release(tracking, seed=5)
        server.wait(lambda: answers[200, third] > 0)
        promote(tracking, MODEL, first)
        before = answers[200, first]
        server.wait(lambda: answers[200, first] > before)

    assert answers.keys() == {(200, first), (200, second), (200, third)}
    assert {name: load[name] for name in ("refused", "failed")} == {"refused": 0, "failed": 0}
    assert load["requests"] > 0
    refused = server.refused()
    assert "its self-test expected 5 rows of 4 different intents" in refused[useless]
    assert "encoder.json has SHA-256" in refused[changed]


@contextmanager
def _asking(server: Server) -> Iterator[Counter[tuple[int, str]]]:
    """Inside, four connections ask without a pause; the answers by status and version. Raises what a request raised."""
    answers: Counter[tuple[int, str]] = Counter()
    faults: list[Exception] = []
    over = Event()

    def ask() -> None:
        connection = server.connect()
        try:
            while not over.is_set():
                status, value = _post(connection, MESSAGE)
                answers[status, value.get("models", value).get("intent")] += 1
        except Exception as error:
            faults.append(error)

    askers = [Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        yield answers
    finally:
        over.set()
        for asker in askers:
            asker.join()
    if faults:
        raise faults[0]


@contextmanager
def _wrk(server: Server, folder: Path) -> Iterator[dict[str, int]]:
    """Inside, wrk asks on eight connections; after it, what it counted."""
    counted: dict[str, int] = {}
    if shutil.which("wrk") is None:
        pytest.skip("expected wrk, found none; apt-get install wrk")
    (folder / "bodies.jsonl").write_text(json.dumps(MESSAGE, ensure_ascii=False) + "\n")
    command = ["wrk", "-t1", "-c8", "-d600s", "--timeout", "60s", "-s", "benchmarks/serve.lua", server.url]
    load = subprocess.Popen(
        command, cwd=PROJECT, env={**os.environ, "BODIES": f"{folder}/bodies.jsonl"}, stdout=subprocess.PIPE, text=True
    )
    try:
        yield counted
    finally:
        load.send_signal(signal.SIGINT)
        output, _ = load.communicate(timeout=WITHIN_S)
    counted.update(json.loads(output.splitlines()[-1]))


def _change_a_file(tracking: Tracking, version: str) -> None:
    source = Path(tracking.client.get_model_version(MODEL, version).source.removeprefix("file://"))
    (source / "encoder.json").write_text((source / "encoder.json").read_text() + " ")


def test_a_stop_answers_what_is_in_flight_and_then_ends(server: Server) -> None:
    content = json.dumps(MESSAGE).encode()
    halves = [server.connect() for _ in range(8)]
    for connection in halves:
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content[:10])
    assert server.post(MESSAGE)[0] == 200  # by now the server has the halves too: it reads in the order of arrival
    server.ask_to_stop()
    server.wait(lambda: not _accepts(server))
    for connection in halves:
        connection.send(content[10:])
        assert connection.getresponse().status == 200
    summary = server.finish()
    assert summary["outcomes"]["predicted"] == sum(summary["models"].values())
    assert (summary["outcomes"].get("failed", 0), summary["outcomes"].get("overloaded", 0)) == (0, 0)


def _accepts(server: Server) -> bool:
    connection = server.connect()
    try:
        connection.connect()
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()
    return True
