"""Which messages go on: the clean text, its key among near duplicates, and the reason to leave it out.

`clean_and_screen` is all text work for one message in one call; `screen_text` the part that live messages need.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from operator import eq
from typing import NamedTuple

from udfs.edits import Edit, find_edits
from udfs.masking import PLACEHOLDERS, count_masks, mask_pii
from udfs.normalization import LINK, normalize_text


@dataclass(frozen=True)
class ScreeningConfig:
    """What counts as a message worth learning from."""

    min_chars: int = 2  # fewer visible characters than this are too short: "네", "ㅋ"
    max_chars: int = 1000  # longer clean texts are pasted documents; raw ones of 4 times as much are not read
    min_hangul_ratio: float = 0.2  # Hangul among all letters; digits, signs and placeholders do not count
    # Written by the messenger and not by a person. A pattern covers the whole text, `*` stands for anything.
    system_messages: list[str] = field(
        default_factory=lambda: [
            "*님이 들어왔습니다*",
            "*님이 나갔습니다*",
            "*님을 초대했습니다*",
            "*님을 내보냈습니다*",
            "*메시지를 가렸습니다*",
            "삭제된 메시지입니다*",
            "사진",
            "사진 *장",
            "동영상",
            "이모티콘",
            "음성메시지",
            "보이스톡 *",
            "페이스톡 *",
            "파일: *",
            "[시스템]*",
            "[자동응답]*",
            "[자동 응답]*",
            "상담원이 연결되었습니다*",
            "상담사가 연결되었습니다*",
            "상담이 시작되었습니다*",
            "상담이 종료되었습니다*",
        ]
    )


class CleanedText(NamedTuple):
    """One message after cleaning."""

    text: str  # clean and masked
    key: str  # equal for near duplicates
    reason: str | None  # why the message is left out; None if it goes on
    masks: int  # masked items
    edits: list[Edit]  # what cleaning changed


_PLACEHOLDER = re.compile("|".join(map(re.escape, (*PLACEHOLDERS, LINK))))
_HANGUL = re.compile("[가-힣ㄱ-ㅎㅏ-ㅣ]")
_OTHER_LETTER = re.compile(r"[^\W\d_가-힣ㄱ-ㅎㅏ-ㅣ]")
_NOT_IN_KEY = re.compile(r"[\W_ㄱ-ㅎㅏ-ㅣ]+")
_REPEATED = re.compile(r"(\D)\1+")
_RAW_CHARS_PER_CLEAN = 4


def clean_and_screen(text: str, config: ScreeningConfig) -> CleanedText:
    """The clean text, its key, the reason to leave it out if there is one, how many masks, what changed."""
    clean, reason = screen_text(text, config)
    masks = sum(count_masks(clean).values())
    return CleanedText(clean, near_duplicate_key(clean), reason, masks, find_edits(text, clean))


def screen_text(text: str, config: ScreeningConfig) -> tuple[str, str | None]:
    """The clean text, and the reason to leave it out if there is one.

    Of a raw text longer than 4 times `max_chars` only the head is read: the work on a row is bounded.
    """
    is_endless = len(text) > _RAW_CHARS_PER_CLEAN * config.max_chars
    clean = clean_text(_cut_at_blank(text, config.max_chars) if is_endless else text)
    return clean, "too_long" if is_endless else rejection_reason(clean, config)


def clean_text(text: str) -> str:
    """The text normalized and masked; idempotent."""
    text = normalize_text(text)
    masked = mask_pii(text)
    while masked != text:
        text = normalize_text(masked)
        masked = mask_pii(text)
    return text


def rejection_reason(text: str, config: ScreeningConfig) -> str | None:
    """Why a clean text is left out: too_long, system_message, pii_only, too_short or not_korean."""
    if len(text) > config.max_chars:
        return "too_long"
    if _is_system_message(text, tuple(config.system_messages)):
        return "system_message"
    said = _PLACEHOLDER.sub("", text) if "[" in text else text
    if said != text and not any(map(str.isalnum, said)):
        return "pii_only"
    if len(text) - text.count(" ") < config.min_chars:
        return "too_short"
    return None if _is_korean(said, config.min_hangul_ratio) else "not_korean"


def near_duplicate_key(text: str) -> str:
    """What two texts share that differ in case, blanks, signs, jamo and drawn-out letters only.

    Digits are not collapsed (10개 is not 100개). A text of nothing but signs and jamo is its own key.

    >>> near_duplicate_key("와아아 배송 OK ㅠㅠ??")
    '와아배송ok'
    """
    folded = text.casefold()
    key = _NOT_IN_KEY.sub("", folded)
    if True in map(eq, key, key[1:]):  # most texts double no character, and looking is cheap
        key = _REPEATED.sub(r"\1", key)
    return key or folded.replace(" ", "")


def _is_korean(text: str, min_ratio: float) -> bool:
    if not _HANGUL.search(text):
        return False
    others = len(_OTHER_LETTER.findall(text))
    if not others:
        return True
    hangul = len(_HANGUL.findall(text))
    return hangul >= min_ratio * (hangul + others)


def _is_system_message(text: str, patterns: tuple[str, ...]) -> bool:
    if not patterns:
        return False
    trace, whole = _compile_system_messages(patterns)
    return bool(trace.search(text) and whole.fullmatch(text))


@lru_cache(maxsize=8)
def _compile_system_messages(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """An expression for the longest literal of each pattern, to pass most texts quickly, and one for all."""
    trace = "|".join(re.escape(max(pattern.split("*"), key=len)) for pattern in patterns)
    whole = "|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns)
    return re.compile(trace), re.compile(whole)


def _cut_at_blank(text: str, max_chars: int) -> str:
    """The head of a text, cut where no number or address is cut in two if it has a blank."""
    head = text[:max_chars]
    return head.rsplit(None, 1)[0] if len(head.split(None, 1)) > 1 else head
