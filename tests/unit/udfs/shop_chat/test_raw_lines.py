import json
import random
import re
import unicodedata
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest

from udfs.shop_chat import LINES_PER_BLOCK, ChatConfig, NoiseConfig, choose_labels, write_block
from udfs.shop_chat.catalogue import load_catalogue
from udfs.shop_chat.raw_lines import BREAKERS, break_line
from udfs.shop_chat.speech import speak
from udfs.shop_chat.templates import REGISTERS, Voice

DAY = date(2026, 5, 1)
SILENT = NoiseConfig(**dict.fromkeys(NoiseConfig.__dataclass_fields__, 0.0))
KEYS = {"message_id", "room_id", "bot_id", "speaker", "sent_at", "text", "intent", "reply_to"}


def _messages(config: ChatConfig, blocks: int) -> list[dict[str, str | None]]:
    return [json.loads(line) for block in range(blocks) for line in write_block(block, config, DAY)]


def test_a_block_is_the_same_each_time_and_others_differ() -> None:
    lines = write_block(3, ChatConfig(), DAY)
    assert len(lines) == LINES_PER_BLOCK
    assert lines == write_block(3, ChatConfig(), DAY)
    assert not set(lines) & set(write_block(4, ChatConfig(), DAY))
    assert not set(lines) & set(write_block(3, ChatConfig(seed=1), DAY))
    assert not set(lines) & set(write_block(3, ChatConfig(), date(2026, 5, 2)))


def test_whole_lines_follow_the_message_contract() -> None:
    messages = _messages(ChatConfig(noise=SILENT), 4)
    by_id = {message["message_id"]: message for message in messages}
    assert len(by_id) == len(messages)
    for message in messages:
        assert set(message) == KEYS
        assert re.fullmatch(r"2026-05-01T\d\d:\d\d:\d\d\+09:00", str(message["sent_at"]))
        if message["speaker"] == "customer":
            assert message["intent"] is not None
            assert message["reply_to"] is None
        else:
            assert message["intent"] is None
            asked = by_id.get(message["reply_to"])
            assert asked is None or asked["speaker"] == "customer"


def test_agents_answer_customers_of_their_room() -> None:
    answers = [message for message in _messages(ChatConfig(noise=SILENT), 1) if message["speaker"] == "agent"]
    assert answers
    assert all(str(answer["reply_to"]).startswith(str(answer["room_id"])) for answer in answers)


@pytest.mark.parametrize("count", [2, 30, 60, 100, 450])
def test_as_many_intents_as_asked_for(count: int) -> None:
    names = [label.name for label in choose_labels(count)]
    assert len(names) == len(set(names)) == count
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)


@pytest.mark.parametrize("count", [1, 451])
def test_other_numbers_of_intents_are_an_error(count: int) -> None:
    with pytest.raises(ValueError, match="Expected 2 to 450 intents"):
        choose_labels(count)


def test_every_intent_occurs() -> None:
    spoken = Counter(message["intent"] for message in _messages(ChatConfig(intents=60, noise=SILENT), 40))
    assert set(spoken) - {None} == {label.name for label in choose_labels(60)}


@pytest.mark.parametrize("register", REGISTERS)
def test_every_label_speaks_clean_korean(register: str) -> None:
    catalogue = load_catalogue()
    draw = random.Random(11)
    for label in choose_labels(450):
        voice = Voice(draw, register, {"today": "2026-05-01", "category": "shoes", "product": "구두"}, catalogue.slots)
        texts = {speak(label, voice, catalogue, SILENT, product=("shoes", "구두")) for _ in range(60)}
        assert len(texts) >= 12, label.name
        for text in texts:
            assert not re.search(r"[{}\[\]|]|  |\bNone\b", text), text
            assert unicodedata.is_normalized("NFC", text), text
            assert not re.search("[ㄱ-ㅎㅏ-ㅣ]", text) or register == "chat" or "ㅡ" in text, text


def test_thousands_of_texts_are_distinct() -> None:
    texts = [m["text"] for m in _messages(ChatConfig(noise=SILENT), 20) if m["speaker"] == "customer"]
    assert len(set(texts)) > 0.85 * len(texts)


@pytest.mark.parametrize("kind", BREAKERS)
def test_a_broken_line_breaks_as_named(kind: str) -> None:
    message = {"message_id": "a-1", "room_id": "a", "text": "반품하고 싶어요", "intent": "request_return"}
    config = ChatConfig(long_text_chars=5000)
    lines = {break_line(dict(message), kind, config, random.Random(seed)) for seed in range(8)}
    assert all(_breakage(line) == kind for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)


def _breakage(line: bytes) -> str:
    if b"\0" in line or b"\\u0000" in line:
        return "nul"
    try:
        message = json.loads(line)
    except UnicodeDecodeError:
        return "invalid_utf8"
    except json.JSONDecodeError:
        return "cut_json"
    if "text" not in message:
        return "missing_text"
    text = message["text"]
    if not isinstance(text, str):
        return "null_text" if text is None else "wrong_type"
    return "long_text" if len(text) == 5000 else "whole" if text.strip() else "empty_text"


def test_the_first_block_has_one_of_each_broken_kind() -> None:
    config = ChatConfig(long_text_chars=5000, noise=replace(SILENT, broken=1e-9))
    kinds = Counter(_breakage(line) for line in write_block(0, config, DAY))
    assert kinds == Counter({"whole": LINES_PER_BLOCK - len(BREAKERS), **dict.fromkeys(BREAKERS, 1)})
