"""Units of text that give the text back, blanks and all: what a network writes Korean in.

A blank is the mark ▁, a unit of its own or the beginning of one (after Kudo and Richardson, 2018, "SentencePiece").
"""

from collections.abc import Iterable

BLANK = "▁"


def join_units(units: Iterable[str]) -> str:
    """The text of its units.

    >>> join_units(["밥", "▁", "먹", "었니", "▁?"])
    '밥 먹었니 ?'
    """
    return "".join(units).replace(BLANK, " ").strip()


def mark_blanks(text: str, tokens: Iterable[str]) -> list[str]:
    """The tokens, those that stand behind a blank with the mark before them.

    The tokens joined are the text without its blanks, and none goes over one.
    """
    marked, place = [], 0
    for token in tokens:
        found = text.index(token, place)
        marked.append(BLANK + token if found > place and place > 0 else token)
        place = found + len(token)
    return marked
