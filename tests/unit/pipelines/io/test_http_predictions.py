"""The HTTP routes in this process: what each request is answered with, and what no log and no metric says."""

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from pipelines.errors import MalgilError
from pipelines.io.http_predictions import HttpPredictions, HttpRules, create_app
from pipelines.io.http_server import open_socket
from pipelines.live_models import LiveModel, LiveModels
from pipelines.micro_batches import BatchLimits
from pipelines.prediction import Predictor
from tests.tiny_model import ENCODER, build_tiny_model
from udfs.screening import ScreeningConfig

RULES = HttpRules(ScreeningConfig(), BatchLimits(rows=4, waiting=8, wait_s=0.0), 200)
TEXT = "배송은 언제 오나요?"


@pytest.fixture(scope="module")
def models() -> LiveModels:
    from models.predictor import compile_network

    predictor = Predictor(ENCODER, compile_network(build_tiny_model(seed=1), batch_rows=4), 2)
    return LiveModels(LiveModel(predictor, "malgil-intent", "7"))


def ask(predictions: HttpPredictions, *chunks: bytes | None, path: str = "/predict") -> tuple[int, str]:
    """The status and body of a request, sent in these chunks; at None the client goes away."""
    sent: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = [
        {"type": "http.disconnect"} if chunk is None else {"type": "http.request", "body": chunk, "more_body": True}
        for chunk in chunks
    ]
    parts.append({"type": "http.request", "body": b"", "more_body": False})
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST" if chunks else "GET", "path": path,
        "query_string": b"", "headers": [],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(create_app(predictions)(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]).decode()


def body(text: str) -> bytes:
    return json.dumps({"text": text}, ensure_ascii=False).encode()


def test_a_message_in_parts_is_one_message(models: LiveModels) -> None:
    predictions = HttpPredictions(lambda: models, dict, RULES)
    whole = body(TEXT)
    status, answer = ask(predictions, whole[:12], whole[12:])
    assert (status, json.loads(answer)["models"]) == (
        200,
        {"intent": "7", "reply": None, "bot": None, "slots": None, "knowledge": None},
    )


def test_a_body_that_is_too_long_is_not_read_to_its_end(models: LiveModels) -> None:
    predictions = HttpPredictions(lambda: models, dict, RULES)
    assert ask(predictions, b"x" * 201, b"x") == (422, '{"reason":"too_long"}')


def test_who_goes_away_within_a_message_is_counted(models: LiveModels) -> None:
    predictions = HttpPredictions(lambda: models, dict, RULES)
    ask(predictions, b'{"text', None)
    assert predictions.summarize()["outcomes"] == {"gone": 1}


def test_who_comes_when_too_many_wait_is_told_to_come_again(models: LiveModels) -> None:
    rules = replace(RULES, limits=replace(RULES.limits, waiting=0))
    predictions = HttpPredictions(lambda: models, dict, rules)
    assert ask(predictions, body(TEXT)) == (503, '{"reason":"overloaded"}')


def test_a_failure_says_nothing_of_the_text(caplog: pytest.LogCaptureFixture) -> None:
    def fail(ids: Any) -> Any:
        raise ValueError(TEXT)

    failing = LiveModels(LiveModel(Predictor(ENCODER, fail, 2), "malgil-intent", "7"))
    with caplog.at_level(logging.DEBUG):
        assert ask(HttpPredictions(lambda: failing, dict, RULES), body(TEXT)) == (500, '{"reason":"failed"}')
    assert "a request failed: ValueError" in caplog.text
    assert TEXT not in caplog.text


def test_requests_are_counted_by_outcome_and_version(models: LiveModels) -> None:
    predictions = HttpPredictions(lambda: models, lambda: {"8": "its self-test"}, RULES)
    for text in (TEXT, TEXT, "네"):
        ask(predictions, body(text))
    slots = {"production": "7", "staging": None}
    assert predictions.summarize() == {
        "requests": 3, "outcomes": {"predicted": 2, "too_short": 1}, "models": {"7": 2},
        "slots": slots, "refused_models": {"8": "its self-test"},
    }  # fmt: skip
    assert json.loads(ask(predictions, path="/health")[1])["slots"] == slots
    shown = ask(predictions, path="/metrics")[1]
    assert 'malgil_http_slot{slot="production",version="7"} 1.0' in shown
    assert 'malgil_http_refused_model{version="8"} 1.0' in shown


def test_an_address_that_is_taken_is_told_before_anything_is_loaded() -> None:
    with open_socket("127.0.0.1", 0) as opened:
        opened.listen()
        port = opened.getsockname()[1]
        with pytest.raises(MalgilError, match=rf"serve\.port: expected to listen on 127\.0\.0\.1:{port}, received"):
            open_socket("127.0.0.1", port)
