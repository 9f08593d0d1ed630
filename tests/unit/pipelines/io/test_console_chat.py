"""What the chat page says where Kafka or Redis is away, and of what it does not send."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from pipelines.console import ConsoleConfig
from pipelines.console_rendering import Pages
from pipelines.io.chat_rooms import ChatRooms
from pipelines.io.console_access import Access
from pipelines.io.console_app import create_app
from pipelines.io.console_chat import ChatPage
from pipelines.io.console_frame import Frame
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.redis_connection import RedisConfig
from tests.console_browser import Answer, Browser, browsing
from udfs.screening import ScreeningConfig

NOBODY = "127.0.0.1:9"  # nothing listens there
ROOM = "/chat/r1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    access = Access(ConsoleConfig(), None)
    frame = Frame(Pages(), access)
    redis = RedisConfig(url=f"redis://{NOBODY}/0")
    chat = ChatRooms(KafkaConfig(NOBODY), redis, ScreeningConfig(), max_bytes=1_000, timeout_s=0.5)
    with closing(chat) as rooms:
        page = ChatPage(frame, access, rooms, lambda: ("refund", "delivery"), answer_s=1, is_over=lambda: False)
        with browsing(create_app(frame, access, [page.routes()])) as browser:
            yield browser


def post(browser: Browser, what: str, **fields: str) -> Answer:
    return browser.ask("POST", f"{ROOM}/{what}", {"form_token": browser.form_token(ROOM), **fields})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("010-2345-6789", "This is personal data alone, which is masked; nothing is left to predict."),
        ("네", "This is too short to be predicted."),
        ("배송 " * 1_000, "This is too long to be predicted."),
        (" ", "There is no text."),
        ("김철수님이 들어왔습니다", "predict_stream would not predict this: system_message"),
    ],
)
def test_what_nobody_would_predict_is_not_sent(browser: Browser, text: str, line: str) -> None:
    answer = post(browser, "messages", text=text)
    assert (answer.status, json.loads(answer.body)) == (422, {"line": line})


@pytest.mark.parametrize(
    ("what", "fields"),
    [("messages", {"text": "배송은 언제 오나요?"}), ("corrections", {"message_id": "m1", "intent": "refund"})],
)
def test_a_kafka_that_is_away_is_one_clear_line(browser: Browser, what: str, fields: dict[str, str]) -> None:
    answer = post(browser, what, **fields)
    assert answer.status == 503
    line = json.loads(answer.body)["line"]
    assert line.startswith(f"Kafka does not take it. kafka.bootstrap_servers: expected Kafka at {NOBODY}")
    assert "배송" not in line


def test_a_correction_is_one_of_the_champions_intents(browser: Browser) -> None:
    for fields in ({"message_id": "m1", "intent": "unheard"}, {"message_id": "", "intent": "refund"}):
        assert post(browser, "corrections", **fields).status == 422


def test_a_redis_that_is_away_is_told_as_an_event(browser: Browser) -> None:
    connection = http.client.HTTPConnection(urlsplit(browser.url).netloc, timeout=30)
    connection.request("GET", f"{ROOM}/events", headers={"Accept-Language": "ko"})
    answer = connection.getresponse()
    assert answer.getheader("content-type") == "text/event-stream; charset=utf-8"
    assert answer.readline() == b"event: trouble\n"
    data = json.loads(answer.readline().removeprefix(b"data: "))
    assert data["line"].startswith(f"Redis가 응답하지 않아 다시 시도합니다. Redis at {NOBODY}")
    connection.close()


def test_a_room_has_a_plain_name(browser: Browser) -> None:
    assert browser.ask("GET", "/chat").headers["location"].startswith("/chat/")
    assert "expected letters, digits, - and _ alone" in browser.ask("GET", "/chat/a%20b").body
