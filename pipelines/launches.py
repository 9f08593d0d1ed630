"""The record of a training's launches: with how many ranks, from where, and how each one ended.

It stands beside the checkpoints, so that a driver that was killed shows in it as well.
"""

import json
import time
from dataclasses import asdict, dataclass, replace
from enum import Enum

from models.files import read_bytes, write_bytes


class LaunchEnd(Enum):
    """Why the ranks of a launch stopped."""

    finished = "finished"
    rank_lost = "rank lost"
    paused = "paused for more ranks"
    failed = "failed"
    driver_lost = "driver lost"  # nobody wrote down another end


@dataclass(frozen=True)
class LaunchRecord:
    """One start of the ranks."""

    at: str  # UTC
    ranks: int
    epochs: int  # done before it
    rows: int  # of the next epoch, done before it
    seconds: float | None = None  # that it ran
    end: str | None = None  # a LaunchEnd; None while it runs


class Launches:
    """The launches of the training at `run_url`; those of a driver that was killed get their end now."""

    def __init__(self, run_url: str) -> None:
        self._url = f"{run_url}/launches.json"
        found = json.loads(read_bytes(self._url) or "[]")
        self.records = [
            LaunchRecord(**{**record, "end": record["end"] or LaunchEnd.driver_lost.value}) for record in found
        ]

    def begin(self, ranks: int, place: tuple[int, int] | None) -> None:
        """Write down a launch that goes on from `place`: epochs done, and rows of the next one."""
        self._started = time.monotonic()
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.records.append(LaunchRecord(at, ranks, *(place or (0, 0))))
        self._write()

    def end(self, end: LaunchEnd) -> None:
        """Write down how the launch ended that was begun last."""
        seconds = round(time.monotonic() - self._started, 1)
        self.records[-1] = replace(self.records[-1], seconds=seconds, end=end.value)
        self._write()

    def _write(self) -> None:
        write_bytes(self._url, json.dumps([asdict(record) for record in self.records]).encode())
