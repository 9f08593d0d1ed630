"""Live messages in a worker: each one a prediction or a dead letter, as a batch would have it."""

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.io.bot_heads import BotHeads
from pipelines.io.knowledge_bases import KnowledgeBases, KnowledgeRules
from pipelines.io.model_files import LoadedModel
from pipelines.live_models import LiveModel, LiveModels, LiveReplier, LiveTagger
from pipelines.live_prediction import Outcomes, predict_messages
from pipelines.prediction import PREDICTION, Predictor
from pipelines.replies import create_reply_predictor
from pipelines.slot_filling import create_tagger
from pipelines.suggestions import SuggestionsConfig
from tests.bot_shards import write_heads
from tests.knowledge_files import write_knowledge
from tests.tiny_model import ANSWERS, ENCODER, INTENTS, build_tiny_model, build_tiny_replier, build_tiny_tagger
from udfs.screening import ScreeningConfig

PHONE = "010-2345-6789"
MESSAGE: dict[str, Any] = {
    "partition": 1, "offset": 7, "sha256": "5eed", "message_id": "m1", "room_id": "방1", "bot_id": "shop",
    "speaker": "customer", "sent_at": "2026-05-01T00:00:00.000000Z", "sent_us": 1_777_593_600_000_000,
    "text": "배송은 언제 오나요?", "known_reason": None, "is_screened": True, "is_predicted": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> LiveModel:
    from models.predictor import compile_network

    predictor = Predictor(ENCODER, compile_network(build_tiny_model(seed=1), batch_rows=4), top_k=2)
    return LiveModel(predictor, "malgil-intent", "7")


def predict(model: LiveModel, *rows: dict[str, Any]) -> Outcomes:
    return predict_messages(rows, LiveModels(model), screening=ScreeningConfig())


def test_a_prediction_follows_the_contract(model: LiveModel) -> None:
    before = datetime.now(timezone.utc)
    (prediction,) = predict(model, MESSAGE).predictions
    value = json.loads(prediction.value)
    assert list(value) == PREDICTION.fieldNames()
    (intent, confidence), second = value["top"]
    predicted_at = datetime.fromisoformat(value["predicted_at"].replace("Z", "+00:00"))
    assert before <= predicted_at <= datetime.now(timezone.utc)
    assert {intent, second[0]} < set(INTENTS)
    assert value == {
        "message_id": "m1", "room_id": "방1", "bot_id": "shop", "intent": intent, "confidence": confidence,
        "top": [[intent, confidence], second], "labels": {}, "is_out_of_scope": False, "replies": [], "slots": [],
        "answers": [], "models": {"intent": "7", "reply": None, "bot": None, "slots": None, "knowledge": None},
        "sent_at": MESSAGE["sent_at"],
        "predicted_at": value["predicted_at"],
    }  # fmt: skip
    assert confidence > second[1]
    assert prediction.delay_ms == pytest.approx((predicted_at.timestamp() - 1_777_593_600) * 1000)


def test_a_message_is_masked_before_it_is_predicted(model: LiveModel) -> None:
    outcomes = predict(
        model, {**MESSAGE, "text": f"{PHONE}로 환불해 주세요"}, {**MESSAGE, "text": "[전화번호]로 환불해 주세요"}
    )
    one, other = (json.loads(prediction.value)["top"] for prediction in outcomes.predictions)
    assert one == other


@pytest.mark.parametrize(
    ("changed", "reason", "text"),
    [
        ({"text": PHONE}, "pii_only", "[전화번호]"),
        ({"text": "네"}, "too_short", "네"),
        ({"text": f"{PHONE} 안내", "known_reason": "system_message"}, "system_message", "[전화번호] 안내"),
        ({"text": None, "known_reason": "missing_text"}, "missing_text", None),
    ],
)
def test_what_cannot_be_predicted_is_a_dead_letter_with_a_masked_payload(
    model: LiveModel, changed: dict[str, Any], reason: str, text: str | None
) -> None:
    outcomes = predict(model, {**MESSAGE, **changed})
    assert (outcomes.predictions, outcomes.others) == ([], 0)
    (letter,) = outcomes.dead_letters
    payload = {name: MESSAGE[name] for name in ("message_id", "room_id", "bot_id", "speaker", "sent_at")}
    assert (letter.room_id, letter.reason) == ("방1", reason)
    assert json.loads(letter.value) == {
        "reason": reason, "partition": 1, "offset": 7, "sha256": "5eed", "payload": {**payload, "text": text},
    }  # fmt: skip


def test_bytes_that_cannot_be_read_leave_their_place_and_hash_alone(model: LiveModel) -> None:
    unread = {**dict.fromkeys(MESSAGE), "partition": 0, "offset": 1, "sha256": "5eed", "known_reason": "broken_json"}
    (letter,) = predict(model, unread).dead_letters
    expected = {"reason": "broken_json", "partition": 0, "offset": 1, "sha256": "5eed", "payload": None}
    assert json.loads(letter.value) == expected


def test_others_are_counted_and_a_message_without_words_has_no_intent(model: LiveModel) -> None:
    kept = {**MESSAGE, "text": " ", "is_screened": False, "sent_us": None}
    outcomes = predict(model, {**MESSAGE, "is_predicted": False}, kept, MESSAGE)
    nothing, something = (json.loads(prediction.value) for prediction in outcomes.predictions)
    assert (outcomes.others, outcomes.dead_letters) == (1, [])
    assert (nothing["intent"], nothing["confidence"], nothing["top"], nothing["is_out_of_scope"]) == (
        None,
        None,
        [],
        True,
    )
    assert something["intent"] in INTENTS
    assert outcomes.predictions[0].delay_ms is None


def test_each_room_has_its_slots_model(model: LiveModel) -> None:
    staged = LiveModel(model.predictor, model.name, "8")
    rows = [{**MESSAGE, "message_id": f"m{i}", "room_id": f"방{i % 20}"} for i in range(60)]
    models = LiveModels(model, staged, 50)
    outcomes = predict_messages(rows, models, screening=ScreeningConfig())
    versions = {(p.room_id, p.version) for p in outcomes.predictions}
    assert versions == {(room, models.choose(room).version) for room in {row["room_id"] for row in rows}}
    assert {version for _, version in versions} == {"7", "8"}
    assert [p.message_id for p in outcomes.predictions] == [row["message_id"] for row in rows]
    one, *others = ({**json.loads(p.value)["models"], **dict(json.loads(p.value)["top"])} for p in outcomes.predictions)
    assert all(one.keys() == other.keys() for other in others)


def test_what_scores_below_the_models_threshold_is_out_of_scope(model: LiveModel) -> None:
    strict = replace(model, predictor=replace(model.predictor, scope_threshold=0.1))
    unknown, blank = {**MESSAGE, "text": "꿻쀍"}, {**MESSAGE, "text": " ", "is_screened": False}
    found = predict(strict, MESSAGE, unknown, blank, MESSAGE).predictions
    assert [json.loads(one.value)["is_out_of_scope"] for one in found] == [False, True, True, False]


def test_further_models_add_labels_and_replies_to_what_says_something(model: LiveModel) -> None:
    network, encoder, responses = build_tiny_replier()
    suggesting = create_reply_predictor(
        LoadedModel(network, encoder, "malgil-reply", "3"), responses, SuggestionsConfig(count=2)
    )
    models = LiveModels(
        model, labellers={"complaint": model, "mood": model}, replier=LiveReplier(suggesting, "malgil-reply", "3")
    )
    rows = [{**MESSAGE, "text": ANSWERS[0]}, {**MESSAGE, "text": " ", "is_screened": False}]
    outcomes = predict_messages(rows, models, screening=ScreeningConfig())
    something, nothing = (json.loads(prediction.value) for prediction in outcomes.predictions)
    best = something["top"][0]
    assert (something["labels"], nothing["labels"]) == ({"complaint": best, "mood": best}, {})
    assert (something["replies"][0], len(something["replies"]), nothing["replies"]) == (ANSWERS[0], 2, [])
    assert (
        something["models"]
        == nothing["models"]
        == {"intent": "7", "reply": "3", "bot": None, "slots": None, "knowledge": None}
    )
    assert models.slots == {
        "production": "7", "staging": None, "reply": "3", "labels.complaint": "7", "labels.mood": "7",
    }  # fmt: skip


def test_slots_stand_in_the_message_as_it_was_sent_and_say_nothing_that_was_masked(model: LiveModel) -> None:
    network, encoder, transitions = build_tiny_tagger()
    tagger = create_tagger(LoadedModel(network, encoder, "malgil-slots", "5"), transitions)
    models = LiveModels(model, tagger=LiveTagger(tagger, "malgil-slots", "5"))
    text = f" {PHONE}로 ㅋㅋㅋㅋ 연락 주세요"
    rows = [{**MESSAGE, "text": text}, {**MESSAGE, "text": " ", "is_screened": False}]
    outcomes = predict_messages(rows, models, screening=ScreeningConfig())
    something, nothing = (json.loads(prediction.value) for prediction in outcomes.predictions)
    found = {slot["text"]: text[slot["start"] : slot["end"]] for slot in something["slots"]}
    assert (found["[전화번호]"], found["로"], found["연락"]) == (PHONE, "로", "연락")
    assert PHONE not in outcomes.predictions[0].value
    assert (something["models"]["slots"], nothing["slots"], models.slots["slots"]) == ("5", [], "5")


def test_no_messages_have_no_outcome(model: LiveModel) -> None:
    assert predict(model) == Outcomes([], [], 0)


def test_a_bot_with_a_head_on_the_model_is_predicted_by_that(model: LiveModel, tmp_path: Path) -> None:
    weights = np.array([[0.0, 0.0]] * (4 + 1), np.float16)  # of four log probabilities, and a constant
    weights[-1] = [9.0, 0.0]
    version = write_heads(tmp_path, {"shop": (["wait", "leave"], weights)}, champion="the model")
    rows = [{**MESSAGE, "message_id": bot or "none", "bot_id": bot} for bot in ("shop", "other", None)]
    here, elsewhere = (replace(model, files_id=name) for name in ("the model", "another"))
    found, without = (
        predict_messages(
            rows, LiveModels(one, bots=BotHeads(version, cached=9)), screening=ScreeningConfig()
        ).predictions
        for one in (here, elsewhere)
    )
    values = [json.loads(prediction.value) for prediction in found]
    assert [value["models"]["bot"] for value in values] == ["7", None, None]
    assert (values[0]["top"][0][0], [intent for intent, _ in values[0]["top"]]) == ("wait", ["wait", "leave"])
    assert values[0]["confidence"] == pytest.approx(0.999877, abs=1e-4)
    assert values[1]["top"] == values[2]["top"] == json.loads(without[0].value)["top"]
    assert [json.loads(prediction.value)["models"]["bot"] for prediction in without] == [None] * 3


def test_where_heads_cannot_be_read_the_model_predicts(
    model: LiveModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = np.zeros((5, 2), np.float16)
    version = write_heads(tmp_path, {"shop": (["wait", "leave"], weights)}, champion="the model")
    next(file for file in tmp_path.iterdir() if file.name == version.files[version.shard_of("shop")][0]).unlink()
    models = LiveModels(replace(model, files_id="the model"), bots=BotHeads(version, cached=9))
    (prediction,) = predict_messages([MESSAGE], models, screening=ScreeningConfig()).predictions
    assert json.loads(prediction.value)["models"] == {
        "intent": "7",
        "reply": None,
        "bot": None,
        "slots": None,
        "knowledge": None,
    }
    assert "bots are predicted by malgil-intent alone: bots/7: expected" in caplog.text


def test_a_bot_that_has_a_knowledge_base_answers_from_it(
    model: LiveModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    version = write_knowledge(tmp_path, {"shop": {"배송은 언제": "이틀 뒤", "배송비": "3,000원"}})
    models = LiveModels(model, knowledge=KnowledgeBases(version, KnowledgeRules(count=1, cached_mib=1)))
    rows = [MESSAGE, {**MESSAGE, "bot_id": "other"}, {**MESSAGE, "text": " ", "is_screened": False}]
    shop, other, blank = (
        json.loads(one.value) for one in predict_messages(rows, models, screening=ScreeningConfig()).predictions
    )
    (answer,) = shop["answers"]
    assert (answer["text"], answer["source"], 0 < answer["score"] < 1) == ("이틀 뒤", "page", True)
    assert (other["answers"], blank["answers"]) == ([], [])
    assert [value["models"]["knowledge"] for value in (shop, other, blank)] == ["kb-1", None, "kb-1"]
    assert models.slots["knowledge"] == "kb-1"

    next(tmp_path.glob("kb-1/*.npz")).unlink()
    gone = LiveModels(model, knowledge=KnowledgeBases(version, KnowledgeRules(count=1, cached_mib=1)))
    (prediction,) = predict_messages([MESSAGE], gone, screening=ScreeningConfig()).predictions
    assert json.loads(prediction.value)["models"]["knowledge"] is None
    assert "messages have no answers: knowledge/kb-1: expected 0.npz" in caplog.text
