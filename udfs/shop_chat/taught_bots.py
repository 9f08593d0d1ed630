"""Bots that were taught: each has intents of its own, by names of its own, and utterances that stand for them.

A bot hangs on the seed, the day and its number alone, so any number of machines may write any bots.
"""

import json
import random
from dataclasses import dataclass
from datetime import date
from typing import Any

from udfs.shop_chat.catalogue import Label, choose_labels
from udfs.shop_chat.config import ChatConfig
from udfs.shop_chat.conversation import ask_alone


@dataclass(frozen=True)
class TaughtConfig:
    """How much each taught bot was told."""

    utterances: int = 200  # labelled ones a bot learns from
    held_out: int = 20  # labelled ones beside them that it is tested with
    min_intents: int = 5  # of a bot, at least; drawn from the chat's
    max_intents: int = 15  # at most


def name_bot(number: int) -> str:
    """The id of a taught bot."""
    return f"bot-{number:06d}"


def teach_bot(number: int, config: ChatConfig, taught: TaughtConfig, day: date) -> list[bytes]:
    """The bot's utterances as raw lines, those that it is tested with last; each intent has about as many.

    Raises ValueError where the chat has fewer intents than a bot is to have.
    """
    draw = random.Random(f"{config.seed}:{day.isoformat()}:bot:{number}")
    intents = _draw_intents(draw, config, taught)
    bot = name_bot(number)
    lines = []
    for i in range(taught.utterances + taught.held_out):
        name, label = intents[i % len(intents)]
        line: dict[str, Any] = {"message_id": f"{bot}-{i:04d}", "bot_id": bot, "intent": name}
        line["text"] = ask_alone(label, config.bots[number % len(config.bots)], config, day, draw)
        line["split"] = "train" if i < taught.utterances else "test"
        lines.append(json.dumps(line, ensure_ascii=False).encode())
    return lines


def _draw_intents(draw: random.Random, config: ChatConfig, taught: TaughtConfig) -> list[tuple[str, Label]]:
    """What the bot tells apart, by the names that its owner gave it."""
    count = draw.randint(taught.min_intents, taught.max_intents)
    labels = draw.sample(choose_labels(config.intents), count)
    return [(f"{label.name}_{draw.randrange(100):02d}", label) for label in labels]
