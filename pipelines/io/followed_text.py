"""Text that one machine writes and another one follows: its end stands in one file, replaced at every flush.

HDFS shows nothing of a file until its block is full or closed, so a growing file could not be followed.
"""

import io
import json

from models.files import read_bytes, write_bytes

_KEPT = 16_384  # characters; a follower that looks once a second misses none


class FollowedText(io.TextIOBase):
    """A text stream whose end stands at `url`."""

    encoding = "utf-8"

    def __init__(self, url: str) -> None:
        self._url = url
        self._length = self._flushed = 0
        self._end = ""

    def write(self, text: str) -> int:
        self._end = (self._end + text)[-_KEPT:]
        self._length += len(text)
        return len(text)

    def flush(self) -> None:
        if self._length != self._flushed:
            self._flushed = self._length
            write_bytes(self._url, json.dumps({"length": self._length, "end": self._end}).encode())


class TextFollower:
    """Reads what is written to the FollowedText of this URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._read = 0

    def read_new(self) -> str:
        """What came since the last call; empty where nothing did."""
        content = read_bytes(self._url)
        if content is None:
            return ""
        text = json.loads(content)
        new = text["length"] - self._read
        self._read = text["length"]
        return str(text["end"])[-new:] if new else ""
