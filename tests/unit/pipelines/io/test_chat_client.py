"""A prediction as a front end reads it, whenever it was made."""

import json

from pipelines.io.chat_client import ChatAnswer, ChatPrediction

PREDICTED = {
    "message_id": "m1", "room_id": "방1", "bot_id": "shop", "intent": "환불", "confidence": 0.9, "top": [["환불", 0.9]],
    "is_out_of_scope": False, "replies": ["네"], "models": {"intent": "3"}, "sent_at": None,
    "predicted_at": "2026-05-01T00:00:00.000000Z",
}  # fmt: skip


def test_what_a_prediction_brings_is_read_and_an_older_one_brings_less() -> None:
    answer = {"text": "이틀", "source": None, "score": 0.5}
    new = {**PREDICTED, "labels": {"mood": ["good", 0.7]}, "answers": [answer]}
    read = ChatPrediction.from_json(json.dumps(new))
    assert (read.answers, read.labels, read.top) == (
        [ChatAnswer("이틀", None, 0.5)],
        {"mood": ("good", 0.7)},
        [("환불", 0.9)],
    )
    older = ChatPrediction.from_json(json.dumps(PREDICTED))
    assert (older.answers, older.labels) == ([], {})
