"""What a Python worker does with live messages: clean, screen, predict; each becomes a prediction or a dead letter.

Plain functions on rows of live_messages.LIVE_MESSAGE, with the rules and the model's calls of a batch. All of it in
one pass of one worker: each further worker in a micro-batch would cost its own start, and its own copy of the model.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple

from pipelines.live_models import LiveModel, LiveModels, LiveReplier
from pipelines.prediction import Predictor
from udfs.screening import ScreeningConfig, screen_text

Row = Mapping[str, Any]
Top = list[tuple[str, float]]
Labels = dict[str, tuple[str, float]]  # by task
Found = tuple[Top, bool]  # the most probable intents, and whether it is out of scope
_NOTHING: Found = ([], True)  # of a text that says nothing
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_PAYLOAD = ("message_id", "room_id", "bot_id", "speaker", "sent_at")


class CleanMessage(NamedTuple):
    """A message that can be predicted."""

    row: Row
    text: str  # clean and masked


class Prediction(NamedTuple):
    """A message's prediction."""

    message_id: str
    room_id: str | None
    version: str  # of the model
    value: str  # JSON
    delay_ms: float | None  # since it was sent


class DeadLetter(NamedTuple):
    """A message that cannot be predicted."""

    room_id: str | None
    reason: str
    value: str  # JSON


@dataclass(frozen=True)
class Outcomes:
    """What became of some messages: one of the three for each."""

    predictions: list[Prediction]
    dead_letters: list[DeadLetter]
    others: int  # clean messages of speakers whose messages are not predicted
    texts: list[str] = field(default_factory=list)  # of the predictions: clean and masked


def predict_messages(rows: Sequence[Row], models: LiveModels, *, screening: ScreeningConfig) -> Outcomes:
    """What becomes of each message, in order. The same message gives the same, but for the time of its prediction."""
    screened = [(row, *screen_message(row, screening)) for row in rows]
    dead_letters = [_write_dead_letter(row, text, reason) for row, text, reason in screened if reason]
    clean = [CleanMessage(row, text) for row, text, reason in screened if not reason and row["is_predicted"]]
    predictions = predict_clean(clean, models)
    others = len(rows) - len(predictions) - len(dead_letters)
    return Outcomes(predictions, dead_letters, others, [message.text for message in clean])


def screen_message(row: Row, config: ScreeningConfig) -> tuple[str, str | None]:
    """The clean text, and the reason why it cannot be predicted."""
    text, reason = screen_text(row["text"] or "", config)
    return text, row["known_reason"] or (reason if row["is_screened"] else None)


def predict_clean(messages: Sequence[CleanMessage], models: LiveModels) -> list[Prediction]:
    """The prediction of each message, in order, by the model of its room: one call of each model."""
    texts = [message.text for message in messages]
    chosen = [models.choose(message.row["room_id"]) for message in messages]
    found, labels = _predict_by_model(texts, chosen), _label_texts(texts, models.labellers)
    replies, reply_version = _suggest_replies(texts, models.replier)
    now = _look_at_clock()
    return [
        _write_prediction(row, one, labelled, suggested, {"intent": model.version, "reply": reply_version}, now)
        for (row, _), one, labelled, suggested, model in zip(messages, found, labels, replies, chosen, strict=True)
    ]


def _predict_by_model(texts: Sequence[str], chosen: Sequence[LiveModel]) -> list[Found]:
    """What is found of each text, by the model that was chosen for it."""
    found = [_NOTHING for _ in texts]
    for model in dict.fromkeys(chosen):
        places = [i for i, one in enumerate(chosen) if one is model]
        for i, one in zip(places, _predict_tops(model.predictor, [texts[i] for i in places]), strict=True):
            found[i] = one
    return found


def _label_texts(texts: Sequence[str], labellers: Mapping[str, LiveModel]) -> list[Labels]:
    """What the tasks' models say of each text, by task; nothing of a blank one."""
    labels: list[Labels] = [{} for _ in texts]
    for task, labeller in labellers.items():
        for known, (top, _) in zip(labels, _predict_tops(labeller.predictor, texts), strict=True):
            known.update((task, best) for best in top[:1])
    return labels


def _suggest_replies(texts: Sequence[str], replier: LiveReplier | None) -> tuple[list[list[str]], str | None]:
    """The suggested answers to each text, and the version that suggests them; none where there is no model for it."""
    if replier is None:
        return [[] for _ in texts], None
    return replier.predictor.suggest(texts), replier.version


def _predict_tops(predictor: Predictor, texts: Sequence[str]) -> list[Found]:
    """What is found of each text; nothing of a blank one."""
    is_text = [bool(text.strip()) for text in texts]
    if not any(is_text):
        return [_NOTHING for _ in texts]
    classes, probabilities, is_out = predictor.predict_top([text for text in texts if text.strip()])
    names = predictor.encoder.intents
    best = ([names[i] for i in row] for row in classes)
    tops = (list(zip(row, p, strict=True)) for row, p in zip(best, probabilities.tolist(), strict=True))
    found = zip(tops, is_out.tolist(), strict=True)
    return [next(found) if is_one else _NOTHING for is_one in is_text]


class _Moment(NamedTuple):
    """When some messages were predicted, as each of their predictions needs it."""

    text: str
    ms: float  # since 1970


def _look_at_clock() -> _Moment:
    now = datetime.now(timezone.utc)
    return _Moment(now.isoformat(timespec="microseconds").replace("+00:00", "Z"), now.timestamp() * 1000)


def _write_prediction(
    row: Row, found: Found, labels: Labels, replies: Sequence[str], versions: Mapping[str, str | None], now: _Moment
) -> Prediction:
    """The JSON that prediction_json writes of the same prediction in a batch."""
    top, is_out_of_scope = found
    intent, confidence = top[0] if top else (None, None)
    value = {
        "message_id": row["message_id"],
        "room_id": row["room_id"],
        "bot_id": row["bot_id"],
        "intent": intent,
        "confidence": confidence,
        "top": top,
        "labels": labels,
        "is_out_of_scope": is_out_of_scope,
        "replies": replies,
        "models": versions,
        "sent_at": row["sent_at"],
        "predicted_at": now.text,
    }
    sent_us = row["sent_us"]
    delay_ms = None if sent_us is None else now.ms - sent_us / 1000
    return Prediction(row["message_id"], row["room_id"], str(versions["intent"]), _to_json(value), delay_ms)


def _write_dead_letter(row: Row, text: str, reason: str) -> DeadLetter:
    is_parsed = row["text"] is not None or row["message_id"] is not None
    payload = {**{name: row[name] for name in _PAYLOAD}, "text": text if row["text"] is not None else None}
    value = {
        "reason": reason,
        "partition": row["partition"],
        "offset": row["offset"],
        "sha256": row["sha256"],
        "payload": payload if is_parsed else None,
    }
    return DeadLetter(row["room_id"], reason, _to_json(value))
