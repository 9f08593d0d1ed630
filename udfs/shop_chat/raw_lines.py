"""A day of chat as a shop's export writes it: JSON lines in blocks of fixed size, some of them broken.

A block is the unit of work: LINES_PER_BLOCK lines that hang on the seed, the day and the number alone.
So any number of machines may write any blocks, and together they write the same log.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from itertools import islice
from typing import Any

from udfs.shop_chat.config import ChatConfig
from udfs.shop_chat.conversation import Turn, hold_conversation

LINES_PER_BLOCK = 500
_HOURS = [1] * 7 + [
    2,
    4,
    7,
    12,
    12,
    9,
    10,
    12,
    12,
    10,
    8,
    6,
    6,
    8,
    9,
    7,
    3,
]  # how busy each hour of the day is
_LAST_SECOND = 86_399


@dataclass(frozen=True)
class _Room:
    """What the messages of one session share."""

    room_id: str
    bot_id: str
    start_s: int  # of the day, in Korean time


def write_block(block: int, config: ChatConfig, day: date) -> list[bytes]:
    """The LINES_PER_BLOCK raw lines of one block, without line ends, broken ones included.

    Message ids are unique but for lines repeated on purpose. A session that the block's end cuts stays cut.
    """
    draw = random.Random(f"{config.seed}:{day.isoformat()}:{block}")
    stem = blake2b(f"{config.seed}:{day.isoformat()}".encode(), digest_size=4).hexdigest()
    lines: list[bytes] = []
    session = 0
    while len(lines) < LINES_PER_BLOCK:
        bot, turns = hold_conversation(config, day, draw)
        room = _Room(f"{stem}-{block:06d}-{session:03d}", bot, _draw_start(draw))
        messages = _stamp(turns, room, day, draw)
        lines.extend(line for message in messages for line in _write_message(message, config, draw))
        session += 1
    lines = lines[:LINES_PER_BLOCK]
    if block == 0 and config.noise.broken > 0:
        _break_one_of_each(lines, config, draw)
    return lines


def break_line(message: dict[str, Any], kind: str, config: ChatConfig, draw: random.Random) -> bytes:
    """The message's line, broken in the way of `kind` (one of BREAKERS)."""
    return BREAKERS[kind](message, config, draw)


def _write_message(message: dict[str, Any], config: ChatConfig, draw: random.Random) -> list[bytes]:
    if draw.random() < config.noise.broken:
        kinds = [kind for kind in BREAKERS if kind != "long_text"]
        return [break_line(message, draw.choice(kinds), config, draw)]
    line = _to_line(message)
    return [line, line] if draw.random() < config.noise.repeated_line else [line]


def _break_one_of_each(lines: list[bytes], config: ChatConfig, draw: random.Random) -> None:
    whole = (i for i, line in enumerate(lines) if i % 7 == 3 and _is_whole(line))
    for at, kind in zip(islice(whole, len(BREAKERS)), BREAKERS, strict=True):
        lines[at] = break_line(json.loads(lines[at]), kind, config, draw)


def _is_whole(line: bytes) -> bool:
    return line.startswith(b'{"message_id": "') and line.endswith(b"}") and b'"text": "' in line


def _draw_start(draw: random.Random) -> int:
    hour = draw.choices(range(24), _HOURS)[0]
    return hour * 3600 + int(draw.random() * 3600)


def _stamp(turns: list[Turn], room: _Room, day: date, draw: random.Random) -> list[dict[str, Any]]:
    """The turns as messages with their ids and times."""
    second = room.start_s
    messages = []
    for index, turn in enumerate(turns):
        messages.append(
            {
                "message_id": f"{room.room_id}-{index:02d}",
                "room_id": room.room_id,
                "bot_id": room.bot_id,
                "speaker": turn.speaker,
                "sent_at": _iso_time(day, second),
                "text": turn.text,
                "intent": turn.intent,
                "reply_to": None if turn.reply_to is None else f"{room.room_id}-{turn.reply_to:02d}",
            }
        )
        second = min(_LAST_SECOND, second + 2 + int(draw.random() * 60))
    return messages


def _iso_time(day: date, second: int) -> str:
    return f"{day.isoformat()}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+09:00"


def _to_line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def _cut_json(message: dict[str, Any], _config: ChatConfig, draw: random.Random) -> bytes:
    text = json.dumps(message, ensure_ascii=False)
    return text[: draw.randint(len(text) // 3, len(text) - 2)].encode()


def _type_wrongly(message: dict[str, Any], _config: ChatConfig, draw: random.Random) -> bytes:
    return _to_line(message | {"text": draw.choice((12345, ["반품"], {"body": "반품"}, True))})


def _miss_text(message: dict[str, Any], _config: ChatConfig, _draw: random.Random) -> bytes:
    return _to_line({name: value for name, value in message.items() if name != "text"})


def _null_text(message: dict[str, Any], _config: ChatConfig, _draw: random.Random) -> bytes:
    return _to_line(message | {"text": None})


def _empty_text(message: dict[str, Any], _config: ChatConfig, draw: random.Random) -> bytes:
    return _to_line(message | {"text": draw.choice(("", "   "))})


def _insert_nul(message: dict[str, Any], _config: ChatConfig, draw: random.Random) -> bytes:
    """A NUL in the text, as JSON's escape or, against JSON's rules, as the bare byte."""
    line = _to_line(message | {"text": message["text"] + "\0"})
    return line if draw.random() < 0.5 else line.replace(b"\\u0000", b"\0")


def _encode_wrongly(message: dict[str, Any], _config: ChatConfig, _draw: random.Random) -> bytes:
    """The text in CP949, the old encoding of Korean Windows, inside a UTF-8 line."""
    marked = _to_line(message | {"text": "@@"})
    return marked.replace(b"@@", "주문 취소해 주세요 ".encode("cp949") + message["text"].encode("cp949", "ignore"))


def _lengthen(message: dict[str, Any], config: ChatConfig, _draw: random.Random) -> bytes:
    text = (message["text"] + " ") * (config.long_text_chars // (len(message["text"]) + 1) + 1)
    return _to_line(message | {"text": text[: config.long_text_chars]})


BREAKERS: dict[str, Callable[[dict[str, Any], ChatConfig, random.Random], bytes]] = {
    "cut_json": _cut_json,
    "wrong_type": _type_wrongly,
    "missing_text": _miss_text,
    "null_text": _null_text,
    "empty_text": _empty_text,
    "nul": _insert_nul,
    "invalid_utf8": _encode_wrongly,
    "long_text": _lengthen,
}
