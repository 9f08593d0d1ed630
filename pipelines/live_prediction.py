"""What a Python worker does with live messages: clean, screen, predict; each becomes a prediction or a dead letter.

Plain functions on rows of live_messages.LIVE_MESSAGE, with the rules and the model's calls of a batch. All of it in
one pass of one worker: each further worker in a micro-batch would cost its own start, and its own copy of the model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, NamedTuple

import orjson

from pipelines.bot_predictions import predict_by_bot
from pipelines.io.bot_heads import LiveHead
from pipelines.live_models import LiveModel, LiveModels, LiveReplier, LiveTagger
from pipelines.passage_index import Answer
from pipelines.prediction import Predictor
from pipelines.slot_filling import place_slots
from pipelines.traits import Traits, describe_traits
from udfs.edits import find_edits
from udfs.screening import ScreeningConfig, screen_text

Row = Mapping[str, Any]
Top = list[tuple[str, float]]
Labels = dict[str, tuple[str, float]]  # by task
_PAYLOAD = ("message_id", "room_id", "bot_id", "speaker", "sent_at")


class Found(NamedTuple):
    """What is said of a text."""

    top: Top  # the most probable intents, best first
    is_out_of_scope: bool
    is_by_bot: bool  # by the head of its bot
    traits: Traits | None = None  # what drift is looked for in, where the model said it of a text that is not blank


_NOTHING = Found([], True, False)  # of a text that says nothing


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
    traits: Traits | None = None


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
    """The prediction of each message, in order, by the model of its room, or its bot's head on that.

    One call of each model.
    """
    texts = [message.text for message in messages]
    chosen = [models.choose(message.row["room_id"]) for message in messages]
    found, labels = _predict_by_model(messages, chosen, models), _label_texts(texts, models.labellers)
    replies, reply_version = _suggest_replies(texts, models.replier)
    slots, slots_version = _find_slots(messages, models.tagger)
    answers = models.find_answers(texts, [message.row["bot_id"] for message in messages])
    now = _look_at_clock()
    said = map(_Said, found, labels, replies, slots, answers)
    versions = {"reply": reply_version, "slots": slots_version}
    return [
        _write_prediction(row, one, _name_versions(model, versions, models, one), now)
        for (row, _), one, model in zip(messages, said, chosen, strict=True)
    ]


class _Said(NamedTuple):
    """All that is said of a message."""

    found: Found
    labels: Labels
    replies: Sequence[str]
    slots: Sequence[Mapping[str, Any]]
    answers: Sequence[Answer] | None  # None: its bot has no knowledge base


def _name_versions(
    model: LiveModel, further: Mapping[str, str | None], models: LiveModels, said: _Said
) -> dict[str, str | None]:
    """Those that predicted a message: the bots' only if a head did, the knowledge's only if its bot has any."""
    bots = models.bots.version.version if models.bots and said.found.is_by_bot else None
    knowledge = models.knowledge.version.version if models.knowledge and said.answers is not None else None
    return {"intent": model.version, **further, "bot": bots, "knowledge": knowledge}


def _predict_by_model(messages: Sequence[CleanMessage], chosen: Sequence[LiveModel], models: LiveModels) -> list[Found]:
    """What is found of each message, by the model that was chosen for it, or its bot's head on that."""
    found = [_NOTHING for _ in messages]
    for model in dict.fromkeys(chosen):
        places = [i for i, one in enumerate(chosen) if one is model]
        texts, bot_ids = [messages[i].text for i in places], [messages[i].row["bot_id"] for i in places]
        tops = _predict_tops(model.predictor, texts, bot_ids, models.find_heads(model, bot_ids))
        for i, one in zip(places, tops, strict=True):
            found[i] = one
    return found


def _label_texts(texts: Sequence[str], labellers: Mapping[str, LiveModel]) -> list[Labels]:
    """What the tasks' models say of each text, by task; nothing of a blank one."""
    labels: list[Labels] = [{} for _ in texts]
    for task, labeller in labellers.items():
        tops = _predict_tops(labeller.predictor, texts, [None] * len(texts), {})
        for known, (top, *_) in zip(labels, tops, strict=True):
            known.update((task, best) for best in top[:1])
    return labels


def _suggest_replies(texts: Sequence[str], replier: LiveReplier | None) -> tuple[list[list[str]], str | None]:
    """The suggested answers to each text, and the version that suggests them; none where there is no model for it."""
    if replier is None:
        return [[] for _ in texts], None
    return replier.predictor.suggest(texts), replier.version


def _find_slots(
    messages: Sequence[CleanMessage], tagger: LiveTagger | None
) -> tuple[list[list[dict[str, Any]]], str | None]:
    """The slots of each message, and the version that finds them; none where there is no model for it."""
    if tagger is None:
        return [[] for _ in messages], None
    found = tagger.tagger.find([message.text for message in messages])
    placed = [
        place_slots(text, spans, find_edits(row["text"] or "", text)) if spans else []
        for (row, text), spans in zip(messages, found, strict=True)
    ]
    return [[slot._asdict() for slot in slots] for slots in placed], tagger.version


def _predict_tops(
    predictor: Predictor, texts: Sequence[str], bot_ids: Sequence[str | None], heads: Mapping[str, LiveHead]
) -> list[Found]:
    """What is found of each text, said to its bot; nothing of a blank one."""
    is_text = [bool(text.strip()) for text in texts]
    if not any(is_text):
        return [_NOTHING for _ in texts]
    said = [text for text in texts if text.strip()]
    found = predict_by_bot(
        predictor, heads, said, [bot for bot, is_one in zip(bot_ids, is_text, strict=True) if is_one]
    )
    rows = zip(found.classes.tolist(), found.probabilities.tolist(), strict=True)
    tops = ([(found.names[i], p) for i, p in zip(*row, strict=True) if i >= 0] for row in rows)
    by_bot = found.is_by_bot.tolist()
    traits = [None if one else told for one, told in zip(by_bot, describe_traits(found, found.names), strict=True)]
    each = map(Found, tops, found.is_out_of_scope.tolist(), by_bot, traits)
    return [next(each) if is_one else _NOTHING for is_one in is_text]


class _Moment(NamedTuple):
    """When some messages were predicted, as each of their predictions needs it."""

    text: str
    ms: float  # since 1970


def _look_at_clock() -> _Moment:
    now = datetime.now(timezone.utc)
    return _Moment(now.isoformat(timespec="microseconds").replace("+00:00", "Z"), now.timestamp() * 1000)


def _write_prediction(row: Row, said: _Said, versions: Mapping[str, str | None], now: _Moment) -> Prediction:
    """The JSON that prediction_json writes of the same prediction in a batch."""
    top, is_out_of_scope, _, traits = said.found
    intent, confidence = top[0] if top else (None, None)
    value = {
        "message_id": row["message_id"],
        "room_id": row["room_id"],
        "bot_id": row["bot_id"],
        "intent": intent,
        "confidence": confidence,
        "top": top,
        "labels": said.labels,
        "is_out_of_scope": is_out_of_scope,
        "replies": said.replies,
        "slots": said.slots,
        "answers": [answer._asdict() for answer in said.answers or ()],
        "models": versions,
        "sent_at": row["sent_at"],
        "predicted_at": now.text,
    }
    sent_us = row["sent_us"]
    delay_ms = None if sent_us is None else now.ms - sent_us / 1000
    return Prediction(row["message_id"], row["room_id"], str(versions["intent"]), _to_json(value), delay_ms, traits)


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


def _to_json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
