"""Synthetic Korean shop chat: sessions of customers and agents, with intents, dirt and fake personal data.

    write_block(0, ChatConfig(), date(2026, 5, 1))      # 500 raw lines, as bytes

Plain seeded functions; the words and sentences are the YAML files beside this one.
"""

from udfs.shop_chat.catalogue import choose_labels
from udfs.shop_chat.config import ChatConfig, NoiseConfig
from udfs.shop_chat.raw_lines import LINES_PER_BLOCK, write_block
from udfs.shop_chat.taught_bots import TaughtConfig, teach_bot

__all__ = ["LINES_PER_BLOCK", "ChatConfig", "NoiseConfig", "TaughtConfig", "choose_labels", "teach_bot", "write_block"]
