"""Live prediction on real Kafka, Redis and MLflow: what a batch gives, each message once, whatever happens."""

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from threading import Event, Thread
from typing import Any, cast

import pytest

from devstack.stack import StackStatus
from examples.consume_predictions import read_predictions
from pipelines.drift import LARGE
from pipelines.io.chat_client import PredictionTimeoutError, connect_chat
from pipelines.io.model_files import version_id
from pipelines.io.model_slots import stage
from pipelines.io.registry import champion, download_model, promote
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tracking import Tracking
from pipelines.live_models import LiveModel, LiveModels
from pipelines.prediction import Predictor
from tests.services.streams import (
    MODEL,
    REPLY_MODEL,
    START_S,
    Stream,
    Topics,
    register,
    release,
    release_replier,
    release_tagger,
    run_job,
    say,
)
from tests.tiny_model import INTENTS
from udfs.shop_chat import ChatConfig, write_block

DAY = date(2026, 5, 1)
STAGING_PERCENT = 50
PHONE = "010-2345-6789"
CHAT = ChatConfig(seed=7, intents=8, long_text_chars=30_000)
MakeTopics = Callable[[str], Topics]


@pytest.fixture(scope="module")
def make_topics(stack: StackStatus, tracking: Tracking, tmp_path_factory: pytest.TempPathFactory) -> MakeTopics:
    databases = iter(range(1, 16))
    return lambda name: Topics(stack, tracking, tmp_path_factory.mktemp(name), name, next(databases))


@pytest.fixture(scope="module")
def first(tracking: Tracking) -> str:
    """The champion that streams begin with, beside those of another task and of replies."""
    release(tracking, 99, name="malgil-sentiment")
    release_replier(tracking)
    release_tagger(tracking)
    return release(tracking, seed=1)


@pytest.fixture(scope="module")
def stream(make_topics: MakeTopics, first: str) -> Iterator[Stream]:
    """One stream for the tests that need no end of it."""
    topics = make_topics("shared")
    _leave_profile(topics, first)
    stream = Stream(topics, f"live.staging_percent={STAGING_PERCENT}", "drift.rows=100", "drift.window_s=1")
    yield stream
    stream.kill()


def _leave_profile(topics: Topics, version: str) -> None:
    """As if the version knew every token of its test messages, and all of them were in scope."""
    traits = {"intent": dict.fromkeys(INTENTS, 100), "unknown_tokens": {"0": 400}, "out_of_scope": {"0": 400}}
    store, model = Store(StoreConfig(root=f"{topics.folder}/store")), download_model(topics.tracking, MODEL, version)
    store.publish("profiles", version_id(model), lambda _: {"traits": traits})


@pytest.fixture
def starts(make_topics: MakeTopics, first: str) -> Iterator[Callable[[Topics], Stream]]:
    """Starts streams, and leaves none behind."""
    started: list[Stream] = []

    def start(topics: Topics) -> Stream:
        started.append(Stream(topics, "live.max_offsets_per_trigger=300"))
        return started[-1]

    yield start
    for stream in started:
        stream.kill()


def wait_for(stream: Stream, messages: list[dict[str, Any]], *, within_s: float = START_S) -> dict[str, dict[str, Any]]:
    """The messages' predictions, when all are there."""
    ids = [message["message_id"] for message in messages]
    keys = [f"malgil:prediction:{message_id}" for message_id in ids]
    client = stream.topics.connect_redis()
    stream.wait(lambda: client.exists(*keys) == len(keys), within_s=within_s)
    return {message_id: json.loads(text) for message_id, text in zip(ids, client.mget(keys), strict=True)}


def test_a_stop_between_two_micro_batches_repeats_and_loses_nothing(
    make_topics: MakeTopics, starts: Callable[[Topics], Stream]
) -> None:
    topics = make_topics("restarts")
    sent: list[dict[str, Any]] = []

    def talk(messages: int) -> None:
        new = [
            message
            for room in range(20)
            for message in say(topics, ["환불해 주세요"] * (messages // 20), room=f"{len(sent)}-{room}")
        ]
        topics.send(new)
        sent.extend(new)

    talk(200)
    stream = starts(topics)
    wait_for(stream, sent)
    talk(1_000)
    summary = stream.stop()
    assert len(topics.read("predictions")) == summary["predictions"] == len(topics.predictions())
    assert summary["repeated"] == 0
    assert sum(behind for _, behind in summary["offsets"][topics.topic("messages")].values()) == summary["read"]

    talk(1_000)
    stream = starts(topics)
    wait_for(stream, sent)
    assert stream.stop()["dead_letters"] == {}
    _assert_each_once(topics, sent)


def _assert_each_once(topics: Topics, sent: list[dict[str, Any]]) -> None:
    predictions, client = topics.predictions(), topics.connect_redis()
    assert predictions.keys() == {message["message_id"] for message in sent}
    rooms = [entry for key in client.scan_iter("malgil:room:*") for _, entry in client.xrange(key)]
    assert Counter(entry["message_id"] for entry in rooms) == Counter(predictions.keys())
    written = defaultdict(set)
    for _, value in topics.read("predictions"):
        written[value["message_id"]].add(json.dumps(value, sort_keys=True))
    assert written == {name: {json.dumps(value, sort_keys=True)} for name, value in predictions.items()}


def test_a_checkpoint_of_an_older_layout_is_refused(
    make_topics: MakeTopics, starts: Callable[[Topics], Stream]
) -> None:
    topics = make_topics("older")
    checkpoint = topics.folder / "store" / "live" / "checkpoint"
    checkpoint.mkdir(parents=True)
    (checkpoint / "layout.json").write_text('{"layout": 0, "topic": "older.messages"}')
    error = starts(topics).fail()
    assert error.startswith("live.checkpoint: expected layout 1 of topic older.messages, found layout 0 of topic older")


def test_the_stream_predicts_and_rejects_what_a_batch_does(
    stream: Stream, tracking: Tracking, first: str, tmp_path: Path
) -> None:
    topics, lines = stream.topics, write_block(0, CHAT, DAY)
    (tmp_path / "day.jsonl").write_bytes(b"\n".join(lines))
    batch = Topics(topics.stack, tracking, tmp_path, "batch", 15)
    source = [f"input.path={tmp_path}/day.jsonl", "cleaning.duplicates.window_s=-1"]
    cleaned = run_job(batch, "clean_messages", *source)
    run_job(batch, "predict_batch", *source)
    expected = batch.predictions()

    topics.send(lines)
    stream.wait(lambda: any(report["read"] == len(lines) for report in stream.reports()), within_s=START_S)

    assert Counter(letter["reason"] for _, letter in topics.read("dead_letters")) == cleaned["rejected"]
    found = topics.predictions()
    assert found.keys() == expected.keys()
    for message_id, prediction in expected.items():
        assert _without_numbers(found[message_id]) == _without_numbers(prediction)
        assert _numbers(found[message_id]) == pytest.approx(_numbers(prediction), abs=1e-5)
    assert len({prediction["intent"] for prediction in expected.values()}) > 1
    assert {prediction["is_out_of_scope"] for prediction in expected.values()} == {True, False}
    assert len({prediction["labels"]["sentiment"][0] for prediction in expected.values()}) > 1
    assert {bool(prediction["replies"]) for prediction in expected.values()} == {True, False}
    assert {bool(prediction["slots"]) for prediction in expected.values()} == {True}
    assert any(slot["text"] == "[전화번호]" for prediction in expected.values() for slot in prediction["slots"])
    assert {prediction["models"]["reply"] for prediction in expected.values()} == {champion(tracking, REPLY_MODEL)}
    assert {json.dumps(value, sort_keys=True) for _, value in topics.read("predictions")} == {
        json.dumps(value, sort_keys=True) for value in found.values()
    }
    _assert_metrics_tell(stream, stream.reports()[-1], sent=len(lines))
    stream.wait(lambda: first in stream.reports()[-1]["drift"])
    drift = stream.reports()[-1]["drift"][first]
    assert drift.keys() == {"rows", "intent", "unknown_tokens", "out_of_scope"}
    assert min(drift["unknown_tokens"], drift["out_of_scope"]) > LARGE  # the model hardly knows what it reads
    stream.wait(lambda: stream.scrape()["malgil_drift_psi"] > LARGE)


def _assert_metrics_tell(stream: Stream, report: dict[str, Any], *, sent: int) -> None:
    metrics = stream.scrape()
    assert metrics["malgil_live_read_total"] == report["read"] == sent
    assert (
        metrics["malgil_live_predictions_total"] == metrics["malgil_live_delay_seconds_count"] == report["predictions"]
    )
    assert metrics["malgil_live_dead_letters_total"] == sum(report["dead_letters"].values())
    stream.wait(lambda: stream.scrape()["malgil_live_sent_total"] == sent)  # told when the micro-batch is committed
    assert stream.scrape()["malgil_live_lag_messages"] == 0
    assert stream.scrape()["malgil_live_batch_seconds"] > 0


def _without_numbers(prediction: dict[str, Any]) -> dict[str, Any]:
    top = [intent for intent, _ in prediction["top"]]
    labels = {task: label for task, (label, _) in prediction["labels"].items()}
    return {**prediction, "confidence": None, "top": top, "labels": labels, "predicted_at": None}


def _numbers(prediction: dict[str, Any]) -> list[float]:
    pairs = [*prediction["top"], *prediction["labels"].values()]
    return [prediction["confidence"], *(probability for _, probability in pairs)]


def test_what_cannot_be_predicted_becomes_a_dead_letter_without_personal_data(stream: Stream) -> None:
    topics = stream.topics
    (good,) = say(topics, ["주문을 취소해 주세요"], room="letters")
    earlier = _places(topics.read("dead_letters"))
    broken = [
        f'{{"text": "{PHONE}로 연락 주세요'.encode(),
        json.dumps({**good, "message_id": "long", "text": PHONE * 9_000}).encode(),
        {**good, "message_id": "typed", "text": [PHONE], "bot_id": {"phone": PHONE}},
        {**good, "message_id": None},
        {**good, "message_id": "pii", "text": PHONE},
        f"주문 {PHONE}".encode("cp949"),
        b"",
    ]
    topics.send([*broken, good])
    wait_for(stream, [good])
    stream.wait(lambda: len(topics.read("dead_letters")) == len(earlier) + len(broken))

    assert topics.connect_redis().get(f"malgil:text:{good['message_id']}") == good["text"]  # for feedback
    written = [
        json.dumps(record, ensure_ascii=False)
        for kind in ("dead_letters", "predictions")
        for record in topics.read(kind)
    ]
    letters = [letter for place, letter in _places(topics.read("dead_letters")).items() if place not in earlier]
    named = {letter["reason"]: letter for letter in letters}
    named_payloads = {reason: letter["payload"] for reason, letter in named.items()}
    sent = {**good, "sent_at": "2026-05-01T00:00:00.000000Z"}
    assert named_payloads == {
        "broken_json": None,
        "too_long": None,
        "wrong_type": {**dict.fromkeys(sent), "text": '["[전화번호]"]'},
        "missing_message_id": {**sent, "message_id": None},
        "pii_only": {**sent, "message_id": "pii", "text": "[전화번호]"},
        "invalid_utf8": None,
        "missing_text": None,
    }
    by_hash = {hashlib.sha256(value).hexdigest() for value in broken if isinstance(value, bytes)}
    assert by_hash <= {letter["sha256"] for letter in letters}
    assert len(letters) == len(broken)
    assert PHONE not in "".join(written)
    assert PHONE not in stream.shown
    assert PHONE not in _log_of(stream)


def _places(records: list[tuple[str | None, dict[str, Any]]]) -> dict[tuple[int, int], dict[str, Any]]:
    """Dead letters by where their message stands in Kafka."""
    return {(letter["partition"], letter["offset"]): letter for _, letter in records}


def _log_of(stream: Stream) -> str:
    name = stream.shown.splitlines()[0].rpartition("log in ")[2]
    return (Path(__file__).resolve().parents[2] / name).read_text(encoding="utf8", errors="replace")


def test_a_front_end_asks_and_watches(stream: Stream) -> None:
    topics = stream.topics
    with connect_chat(topics.stack.addresses["kafka"], topics.redis_url, topic=topics.topic("messages")) as chat:
        prediction = chat.predict("배송이 언제 오나요?", room_id="front", timeout_s=START_S)
        assert chat.find(prediction.message_id) == prediction
        assert next(chat.watch("front", from_start=True)) == prediction
        with pytest.raises(PredictionTimeoutError, match=r"expected a prediction within 0\.01 s, found none"):
            chat.predict("환불해 주세요", room_id="front", timeout_s=0.01)
        watched = chat.watch("front", from_start=True)
        assert [next(watched).room_id, next(watched).room_id] == ["front", "front"]
    consumed = read_predictions(
        topics.stack.addresses["kafka"], "consumer", topic=topics.topic("predictions"), idle_s=5
    )
    assert prediction.message_id in {value["message_id"] for value in consumed}


def test_versions_change_while_messages_flow_and_a_broken_one_does_not_predict(
    stream: Stream, tracking: Tracking, first: str
) -> None:
    topics, sent, is_over = stream.topics, list[dict[str, Any]](), Event()

    def talk() -> None:
        while not is_over.wait(0.2):
            new = [say(topics, ["배송이 언제 와요"], room=f"flow{room}", first=len(sent))[0] for room in range(10)]
            sent.extend(new)
            topics.send(new)

    talker = Thread(target=talk)
    talker.start()
    try:
        stream.wait(lambda: first in _models(stream), within_s=START_S)
        release(tracking, 98, name="malgil-complaint")
        second = register(tracking, seed=2)
        run_job(topics, "stage_model", f"slots.version={second}")
        stream.wait(lambda: second in _models(stream))
        assert run_job(topics, "swap_slots")["production"] == second
        slots = {"production": second, "staging": first}
        stream.wait(lambda: stream.reports()[-1]["slots"].items() >= slots.items())
        stream.wait(lambda: stream.reports()[-1]["drift"].get(second, "") is None)  # a version without a profile
        useless = register(tracking, seed=3, classes=3)
        promote(tracking, MODEL, useless)
        stream.wait(lambda: useless in stream.reports()[-1]["refused_models"])
        changed = register(tracking, seed=4)
        _change_a_file(tracking, changed)
        promote(tracking, MODEL, changed)
        stream.wait(lambda: changed in stream.reports()[-1]["refused_models"])
        time.sleep(2)
        stream.wait(lambda: _tasks(topics) == {("sentiment",), ("complaint", "sentiment")})
        is_over.set()
        talker.join()
        predictions = wait_for(stream, sent)
    finally:
        is_over.set()
        promote(tracking, MODEL, first)
        stage(tracking, MODEL, "")

    assert _versions_by_room(predictions.values()) == {
        room: [first, second, first] if _is_staged(room) else [first, second]
        for room in {message["room_id"] for message in sent}
    }
    refused = stream.reports()[-1]["refused_models"]
    assert "its self-test expected 5 rows of 4 different intents" in refused[useless]
    assert "encoder.json has SHA-256" in refused[changed]
    _assert_is_traced(topics, next(p for p in predictions.values() if p["models"]["intent"] == second))
    told = {
        ("predict_stream", "started", None), ("stage_model", "staged", second), ("swap_slots", "promoted", second),
        ("predict_stream", "refused", useless), ("predict_stream", "refused", changed),
    }  # fmt: skip
    stream.wait(lambda: told <= _read_events(topics))


def _read_events(topics: Topics) -> set[tuple[str, str, str | None]]:
    """Jobs with what they told of which version."""
    events = (event for _, event in topics.read("events"))
    return {(event["job"], event["kind"], event["version"]) for event in events}


def _assert_is_traced(topics: Topics, prediction: dict[str, Any]) -> None:
    """To the version that predicted it, the run and the record on Kafka, whatever the champion is by now."""
    message_id = prediction["message_id"]
    traced = run_job(topics, "trace", message_id, *topics.live_settings)
    assert traced["models"]["intent"] == f"{MODEL}/{prediction['models']['intent']}"
    assert traced["runs"][traced["predicted_by"]]["job"] == "predict_stream"
    place = traced["message"]
    assert topics.read_at(place["topic"], place["partition"], place["offset"])["message_id"] == message_id


def _versions_by_room(predictions: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """The versions that a room saw, one after the other."""
    seen = defaultdict[str, list[str]](list)
    for prediction in predictions:
        version = prediction["models"]["intent"]
        if seen[prediction["room_id"]][-1:] != [version]:
            seen[prediction["room_id"]].append(version)
    return seen


def _tasks(topics: Topics) -> set[tuple[str, ...]]:
    """The tasks that predictions have labels of: one that got a champion meanwhile joins the others."""
    return {tuple(prediction["labels"]) for prediction in topics.predictions().values()}


def _is_staged(room: str) -> bool:
    """Whether half of the rooms in staging has this one among them."""
    production, staging = (LiveModel(cast(Predictor, None), MODEL, version) for version in "12")
    return LiveModels(production, staging, STAGING_PERCENT).choose(room) is staging


def _models(stream: Stream) -> dict[str, int]:
    reports = stream.reports()
    return dict(reports[-1]["models"]) if reports else {}


def _change_a_file(tracking: Tracking, version: str) -> None:
    source = Path(tracking.client.get_model_version(MODEL, version).source.removeprefix("file://"))
    (source / "encoder.json").write_text((source / "encoder.json").read_text() + " ")
