"""The console in a real browser, on real Kafka, Redis and MLflow, beside a real predict_stream."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from devstack.ports import choose_ports
from devstack.stack import StackStatus
from pipelines.io.kafka_topics import KafkaConfig, make_topics
from pipelines.io.registry import champion, tag_version
from pipelines.io.tracking import Tracking, log_pictures, start_run
from pipelines.pictures import draw_learning_curve
from tests.services.streams import MODEL, PROJECT, START_S, Stream, Topics, register, release, release_replier
from tests.tiny_model import ANSWERS, INTENTS

CHROMIUM = "/usr/bin/chromium"
PHONE = "010-2345-6789"
QUESTION = "배송은 언제 오나요?"


@pytest.fixture(scope="module")
def first(tracking: Tracking) -> str:
    """The champion with its picture, beside one of replies and a challenger."""
    release_replier(tracking)
    version = release(tracking, seed=1)
    run = start_run(tracking, "training-1", parameters={}, tags={})
    log_pictures(run, {"confusions": draw_learning_curve([{"accuracy": 0.5}, {"accuracy": 0.75}], "accuracy")})
    tag_version(tracking, MODEL, version, {"test_accuracy": 0.8125})
    register(tracking, seed=2)
    return version


@pytest.fixture(scope="module")
def topics(stack: StackStatus, tracking: Tracking, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topics]:
    topics = Topics(stack, tracking, tmp_path_factory.mktemp("console"), "console", 13)
    kinds = ("messages", "predictions", "dead_letters", "feedback")
    make_topics(KafkaConfig(stack.addresses["kafka"], **{kind: topics.topic(kind) for kind in kinds}))
    yield topics
    topics.connect_redis().flushdb()  # others use the database as well


@pytest.fixture(scope="module")
def metrics(topics: Topics) -> str:
    """The setting of a port that the stream and the console agree on."""
    return f"live.metrics_port={choose_ports(topics.folder, ['metrics'])['metrics']}"


@pytest.fixture(scope="module")
def console(topics: Topics, first: str, metrics: str) -> Iterator[Stream]:
    cluster = f"console.resource_manager={topics.stack.addresses['yarn']}"
    console = Stream(topics, "console.port=0", "console.answer_s=1", cluster, metrics, job="console")
    yield console
    console.kill()


@pytest.fixture(scope="module")
def stream(topics: Topics, first: str, metrics: str) -> Iterator[Stream]:
    stream = Stream(topics, metrics)
    yield stream
    stream.kill()


@pytest.fixture(scope="module")
def url(console: Stream) -> str:
    console.wait(lambda: '{"url"' in console.shown)
    return str(json.loads(next(line for line in console.shown.splitlines() if line.startswith('{"url"')))["url"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A Korean's, which fails where a script does or where the security policy stops something."""
    page = browser.new_page(locale="ko-KR", viewport={"width": 375, "height": 720}, base_url=url)
    page.set_default_timeout(START_S * 1000)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Security Policy" in message.text else None)
    yield page
    page.close()
    assert faults == []


def wait_for(locator: Locator, count: int | None = None) -> None:
    """Until one is seen, or until there are so many."""
    if count is None:
        expect(locator.first).to_be_visible(timeout=START_S * 1000)
    else:
        expect(locator).to_have_count(count, timeout=START_S * 1000)


def fits(page: Page) -> bool:
    """Whether nothing stands out at the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_message_that_nobody_predicts_yet_is_answered_when_the_stream_comes(
    page: Page, topics: Topics, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page.goto("/chat?bot_id=shop")
    page.fill("#text", f"{PHONE}로 {QUESTION}")
    page.click("text=보내기")
    wait_for(page.locator(".exchange >> text=아직 예측이 없습니다"))
    request.getfixturevalue("stream")
    wait_for(page.locator(".answer"))
    assert page.locator(".exchange").count() == 1
    (prediction,) = topics.predictions().values()
    assert page.locator(".intent b").inner_text() == prediction["intent"]
    assert prediction["bot_id"] == "shop"
    assert page.locator(".said").inner_text() == f"[전화번호]로 {QUESTION}"
    assert page.locator(".confidence").get_attribute("value") == str(prediction["confidence"])
    assert page.locator(".out").count() == int(prediction["is_out_of_scope"])
    assert f"v{prediction['models']['intent']}" in page.locator(".more").inner_text()


def test_a_conversation_is_held_by_keyboard_alone_and_stands_after_a_reload(
    page: Page, stream: Stream, tmp_path: Path
) -> None:
    page.goto("/chat")
    wait_for(page.locator("#text:focus"))  # a browser focuses after it has told that the page is loaded
    page.keyboard.type(ANSWERS[0])
    page.keyboard.press("Enter")
    wait_for(page.locator(".reply"))
    for _ in range(20):  # backwards from the field: what comes last in the exchange comes first
        page.keyboard.press("Shift+Tab")
        if page.locator(".reply:focus-visible").count():
            break
    page.keyboard.press("Enter")
    wait_for(page.locator(".answer"), 2)
    said = page.locator(".said").all_inner_texts()
    replies = page.locator(".exchange").first.locator(".reply").all_inner_texts()
    assert said == [ANSWERS[0], replies[-1]]

    page.locator(".exchange").first.locator(".other").first.focus()
    chosen = page.locator(":focus").get_attribute("data-correct")
    page.keyboard.press("Space")
    wait_for(page.locator(f".corrected:visible >> text={chosen}"))
    page.locator(".exchange").last.locator("summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type(INTENTS[-1])
    page.keyboard.press("Enter")
    wait_for(page.locator(".corrected:visible"), 2)
    page.screenshot(path=tmp_path / "chat-375.png")
    assert fits(page)
    ids = [item.get_attribute("data-message") for item in page.locator(".exchange").all()]
    filed = {value["message_id"]: value["intent"] for _, value in stream.topics.read("feedback")}
    assert filed == dict(zip(ids, (chosen, INTENTS[-1]), strict=True))
    page.reload()
    wait_for(page.locator(".answer"), 2)
    assert page.locator(".said").all_inner_texts() == said
    wait_for(page.locator(".corrected:visible"), 2)
    page.set_viewport_size({"width": 1200, "height": 800})
    page.goto(f"{page.url}?lang=en")
    wait_for(page.locator("text=Suggested replies"), 0)
    wait_for(page.locator("text=Wrong? It is"), 2)
    page.screenshot(path=tmp_path / "chat-desktop.png")


def test_what_would_be_a_dead_letter_is_not_sent_and_says_why(page: Page, stream: Stream) -> None:
    page.goto("/chat")
    for text, line in ((PHONE, "개인정보뿐"), ("네", "너무 짧아서"), ("hello there", "한국어가 너무 적어서")):
        page.fill("#text", text)
        page.keyboard.press("Enter")
        wait_for(page.locator(f".exchange >> text={line}"))
    assert stream.topics.read("dead_letters") == []


def test_pages_show_runs_models_numbers_queues_and_the_trace_of_a_message(
    page: Page, stream: Stream, first: str, tmp_path: Path
) -> None:
    page.goto("/")
    wait_for(page.locator("tr a >> text=predict_stream"))
    page.screenshot(path=tmp_path / "runs.png")
    page.click("tr a >> text=predict_stream")
    wait_for(page.locator(".log >> text=metrics at"))
    page.click("nav >> text=모델")
    wait_for(page.locator("tr", has_text="champion").locator("text=81.2%"))
    page.screenshot(path=tmp_path / "models.png")
    page.goto(f"/models/{MODEL}/{first}")
    page.wait_for_function("document.querySelector('.picture').naturalWidth > 0")
    page.click("nav >> text=스트림")
    wait_for(
        page.locator(".tile", has_text="읽은 메시지").locator(f".value >> text={len(stream.topics.predictions())}")
    )
    page.screenshot(path=tmp_path / "stream.png")
    page.click("nav >> text=큐")
    wait_for(page.locator("td >> text=nightly"))
    page.screenshot(path=tmp_path / "queues.png")
    (message_id, *_) = stream.topics.predictions()
    page.click("nav >> text=추적")
    page.fill("#message_id", message_id)
    page.keyboard.press("Enter")
    wait_for(page.locator("tr", has_text="topic").locator(f"text={stream.topics.topic('messages')}"))
    wait_for(page.locator(f"h2 >> text={MODEL}/{first}"))
    page.screenshot(path=tmp_path / "trace.png")
    assert fits(page)


def test_a_version_is_promoted_and_taken_back_and_both_are_recorded(
    page: Page, tracking: Tracking, first: str, tmp_path: Path
) -> None:
    page.goto("/models")
    row = page.locator("tr", has_text="challenger").filter(has_text="챔피언으로")
    second = row.locator("a").inner_text().removeprefix("v")
    row.locator("summary", has_text="챔피언으로").click()
    row.locator("button", has_text="챔피언으로").click()
    wait_for(page.locator(".line.good >> text=챔피언으로"))
    assert champion(tracking, MODEL) == second
    page.locator("summary", has_text="되돌리기").first.click()
    page.locator("button", has_text="되돌리기").first.click()
    wait_for(page.locator(".line.good >> text=되돌리기"))
    assert champion(tracking, MODEL) == first
    page.click("nav >> text=기록")
    wait_for(page.locator(".state.succeeded"), 2)
    page.screenshot(path=tmp_path / "audit.png")


def test_nothing_that_identifies_a_person_is_written(console: Stream, topics: Topics) -> None:
    name = next(line.rpartition("log in ")[2] for line in console.shown.splitlines() if "log in " in line)
    files = [PROJECT / name, *(path for path in topics.folder.rglob("*") if path.is_file())]
    written = b"".join(path.read_bytes() for path in files)
    assert PHONE.encode() not in written
    assert QUESTION.encode() not in (PROJECT / name).read_bytes() + console.shown.encode()
