"""The text of an answer as people are shown it: as it was written, but for personal data."""

import re
import unicodedata
from collections.abc import Sequence

from udfs.masking import mask_pii

_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n{3,}")


def clean_answer(text: str, *, own: Sequence[str] = ()) -> str:
    """The text in NFC, without odd blanks, and masked; lines, signs and links stay.

    `own` are numbers and addresses of the company itself, which stay although a rule would take them for a person's.
    """
    lines = _BLANKS.sub(" ", "".join(map(_plain, unicodedata.normalize("NFC", text)))).split("\n")
    return _mask(_LINES.sub("\n\n", "\n".join(line.strip() for line in lines)).strip(), own)


def _plain(sign: str) -> str:
    kind = unicodedata.category(sign)
    return sign if sign == "\n" or kind[0] != "C" else "" if kind == "Cf" else " "


def _mask(text: str, own: Sequence[str]) -> str:
    if not own:
        return mask_pii(text)
    parts = re.split(f"({'|'.join(map(re.escape, own))})", text)
    return "".join(part if i % 2 else mask_pii(part) for i, part in enumerate(parts))
