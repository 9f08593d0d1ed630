"""Markdown and HTML pages as passages: what people read of them, cut at headings and where it gets too long."""

import re
from collections.abc import Callable, Iterable, Iterator
from html.parser import HTMLParser
from typing import NamedTuple

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_UNREAD = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "select", "button", "nav", "footer"})
_INLINE = frozenset(
    {
        "a", "abbr", "b", "big", "cite", "code", "del", "em", "font", "i", "ins", "kbd", "label", "mark", "q", "s",
        "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var",
    }
)  # fmt: skip
_CELLS = frozenset({"td", "th"})
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*")
_UNDERLINE = re.compile(r"(=+|-+)\s*")
_FENCE = re.compile(r"(```|~~~)")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_MARKS = (
    (re.compile(r"!\[([^\]\[]*)\]\([^()\s]*(?:\s[^()]*)?\)"), r"\1"),  # pictures by what they show
    (re.compile(r"\[([^\]\[]+)\]\([^()\s]*(?:\s[^()]*)?\)"), r"\1"),  # links by their words
    (re.compile(r"</?[a-zA-Z][^<>]{0,200}>"), ""),
    (re.compile(r"(\*\*|__|~~|`)"), ""),
    (re.compile(r"(?<![*\w])\*([^*\s][^*]*)\*(?![*\w])"), r"\1"),
    (re.compile(r"\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?"), ""),  # the line below a table's head
)
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n")


class Passage(NamedTuple):
    """A part of a page."""

    headings: tuple[str, ...]  # above it, the outermost first
    text: str


class _Block(NamedTuple):
    """A paragraph, or a heading of a level from 1."""

    level: int | None
    text: str


def split_markdown(page: str, *, clean: Callable[[str], str], max_chars: int) -> list[Passage]:
    """The passages of a Markdown page, in their order: paragraphs under one heading, up to so many characters.

    `clean` is done to each heading and paragraph before any is cut, so that no number is cut in two that it would mask.
    """
    return list(_join_blocks(_clean_blocks(_read_markdown(page.replace("\r\n", "\n")), clean), max_chars))


def split_html(page: str, *, clean: Callable[[str], str], max_chars: int) -> list[Passage]:
    """The passages of an HTML page, as those of a Markdown page; no script, no style, no navigation."""
    reader = _HtmlReader()
    reader.feed(page)
    reader.close()
    return list(_join_blocks(_clean_blocks(reader.blocks(), clean), max_chars))


def _clean_blocks(blocks: Iterable[_Block], clean: Callable[[str], str]) -> Iterator[_Block]:
    return (_Block(level, clean(text)) for level, text in blocks)


def _read_markdown(page: str) -> Iterator[_Block]:
    lines: list[str] = []
    in_fence = False
    for line in [*_COMMENT.sub("", _FRONT_MATTER.sub("", page)).split("\n"), ""]:
        stripped = line.strip()
        if _FENCE.match(stripped):
            in_fence = not in_fence
        elif in_fence:
            lines.append(line.rstrip())
        elif heading := _HEADING.fullmatch(stripped):
            yield _Block(None, _unmark(lines))
            lines = []
            yield _Block(len(heading[1]), _unmark([heading[2]]))
        elif len(lines) == 1 and lines[0] and _UNDERLINE.fullmatch(stripped):
            yield _Block(1 if stripped[0] == "=" else 2, _unmark(lines))
            lines = []
        elif stripped:
            lines.append(stripped.removeprefix("> "))
        else:
            yield _Block(None, _unmark(lines))
            lines = []
    yield _Block(None, _unmark(lines))  # of a fence that nobody closed


def _unmark(lines: Iterable[str]) -> str:
    text = "\n".join(lines)
    for mark, plain in _MARKS:
        text = mark.sub(plain, text)
    return "\n".join(line for line in map(str.strip, text.split("\n")) if line)


class _HtmlReader(HTMLParser):
    """Collects blocks of text, whatever the page leaves open or closes twice."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._blocks: list[_Block] = []
        self._text: list[str] = []
        self._level: int | None = None
        self._unread: list[str] = []

    def blocks(self) -> list[_Block]:
        self._end_block()
        return self._blocks

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the parser's
        if tag in _UNREAD:
            self._unread.append(tag)
        elif tag == "br":
            self._text.append("\n")
        elif tag in _CELLS:
            self._text.append(" ")
        elif tag == "title" or tag in _HEADINGS:
            self._end_block()
            self._level = 1 if tag == "title" else int(tag[1])
        elif tag not in _INLINE:
            self._end_block()

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNREAD:
            if tag in self._unread:
                del self._unread[self._unread.index(tag) :]
        elif tag not in _INLINE and tag not in _CELLS:
            self._end_block()

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self._text.append(re.sub(r"\s+", " ", data))

    def _end_block(self) -> None:
        lines = "".join(self._text).split("\n")
        self._blocks.append(_Block(self._level, "\n".join(" ".join(line.split()) for line in lines).strip()))
        self._text, self._level = [], None


def _join_blocks(blocks: Iterable[_Block], max_chars: int) -> Iterator[Passage]:
    """Blocks of one heading in as few passages as their length allows."""
    headings: dict[int, str] = {}
    waiting: list[str] = []
    for level, text in blocks:
        if level is None:
            waiting += [text] if text else []
        elif text:
            yield from _pack(headings, waiting, max_chars)
            waiting = []
            headings = {above: title for above, title in headings.items() if above < level} | {level: text}
    yield from _pack(headings, waiting, max_chars)


def _pack(headings: dict[int, str], blocks: Iterable[str], max_chars: int) -> Iterator[Passage]:
    above = tuple(dict.fromkeys(headings.values()))  # a title often stands again as the first heading
    held = ""
    for part in (part for block in blocks for part in _cut(block, max_chars)):
        if held and len(held) + 1 + len(part) > max_chars:
            yield Passage(above, held)
            held = ""
        held = f"{held}\n{part}" if held else part
    if held:
        yield Passage(above, held)


def _cut(block: str, max_chars: int) -> Iterator[str]:
    """A block as it is, or its sentences where it is too long; a sentence that is too long itself, at a blank."""
    if len(block) <= max_chars:
        yield block
        return
    for sentence in _SENTENCE.split(block):
        rest = sentence.strip()
        while len(rest) > max_chars:
            at = rest.rfind(" ", 1, max_chars + 1)
            at = at if at > 0 else max_chars
            yield rest[:at].rstrip()
            rest = rest[at:].lstrip()
        if rest:
            yield rest
