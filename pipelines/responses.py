"""The answers that may be suggested: what agents say often, and nothing that belongs to one customer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from udfs.masking import PLACEHOLDERS
from udfs.normalization import LINK
from udfs.screening import clean_text

_BLOCKED = ["시발", "씨발", "병신", "지랄", "개새끼", "미친놈", "미친년", "닥쳐", "꺼져", "자살", "죽어", "죽여"]

_MARKS = "|".join(map(re.escape, (*PLACEHOLDERS, LINK)))
_NO_LETTER = "[^가-힣ㄱ-ㅎㅏ-ㅣa-z0-9]"


@dataclass(frozen=True)
class ResponsesConfig:
    """Which answers may be suggested."""

    min_rooms: int = 2  # conversations that an answer was given in: what was said in one only belongs to it
    max_responses: int = 2_000  # the most frequent ones
    max_chars: int = 60  # a longer answer is no short suggestion
    blocklist: list[str] = field(default_factory=lambda: list(_BLOCKED))  # no answer with one of these inside


def select_responses(pairs: DataFrame, config: ResponsesConfig) -> DataFrame:
    """`reply_key, reply, rooms`: the vetted answers of training pairs, each in its most frequent wording.

    Answers are one where they differ in signs, blanks and letter runs only. None holds a mask token, a link or a word
    of the blocklist.
    """
    is_short = F.length("reply") <= config.max_chars
    vetted = pairs.where((F.col("split") == "train") & is_short & may_be_suggested(F.col("reply"), config.blocklist))
    rooms = F.count_distinct(F.coalesce("room_id", "message_id")).alias("rooms")
    responses = vetted.groupBy("reply_key").agg(F.mode("reply", True).alias("reply"), rooms)
    frequent = responses.where(F.col("rooms") >= config.min_rooms)
    return frequent.orderBy(F.desc("rooms"), "reply_key").limit(config.max_responses)


def may_be_suggested(reply: Column, blocklist: Sequence[str]) -> Column:
    """Whether a clean answer holds no mask token, no link and nothing of the blocklist, however it is spaced."""
    letters = F.regexp_replace(F.lower(reply), _NO_LETTER, "")
    return ~reply.rlike(_MARKS) & (~letters.rlike(_any_of(blocklist)) if blocklist else F.lit(True))


def may_be_said(reply: str, blocklist: Sequence[str]) -> bool:
    """Whether a text that nobody has read may be shown: as it stands it is clean, and `may_be_suggested`."""
    if clean_text(reply) != reply or re.search(_MARKS, reply):
        return False
    letters = re.sub(_NO_LETTER, "", reply.lower())
    return bool(letters) and not (blocklist and re.search(_any_of(blocklist), letters))


def _any_of(words: Sequence[str]) -> str:
    return "|".join(map(re.escape, words))
