"""The heads of bots in a process that predicts: read when a message of their bot comes, and some of them kept."""

from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.heads import Head
from pipelines.io.sharded_versions import ShardedVersion

_COLUMNS = ["bot_id", "intents", "weights", "scope_threshold"]


@dataclass(frozen=True)
class BotSource:
    """Where a Python worker finds heads, and how many it keeps."""

    version: ShardedVersion
    cached: int


@dataclass(frozen=True)
class LiveHead:
    """A bot's head, ready to predict."""

    head: Head
    intents: tuple[str, ...]
    scope_threshold: float  # a message that scores less (models.scope) is out of scope


class BotHeads:
    """The heads of one version by bot: at most `cached` are kept, those that were asked for last.

    A head costs the reading of its shard, which is checked against the manifest each time. For one thread.
    """

    def __init__(self, version: ShardedVersion, *, cached: int) -> None:
        self.version = version
        self._cached = cached
        self._kept: OrderedDict[str, LiveHead | None] = OrderedDict()  # None: the bot has no head

    def find(self, bot_ids: Collection[str]) -> dict[str, LiveHead]:
        """The heads of those bots that have one.

        Raises ShardError where a file is not the one that was published, and the file system's errors.
        """
        found = {bot_id: self._kept[bot_id] for bot_id in bot_ids if bot_id in self._kept}
        by_shard: dict[int, set[str]] = {}
        for bot_id in set(bot_ids) - found.keys():
            by_shard.setdefault(self.version.shard_of(bot_id), set()).add(bot_id)
        for shard, missing in by_shard.items():
            found |= dict.fromkeys(missing) | dict(_read_heads(self.version, shard, missing))
        self._keep(found)
        return {bot_id: head for bot_id, head in found.items() if head}

    def _keep(self, found: dict[str, LiveHead | None]) -> None:
        self._kept.update(found)
        for bot_id in found:
            self._kept.move_to_end(bot_id)
        while len(self._kept) > self._cached:
            self._kept.popitem(last=False)


@lru_cache(maxsize=1)
def shared_heads(source: BotSource) -> BotHeads:
    """The heads of this Python worker; on executors only."""
    return BotHeads(source.version, cached=source.cached)


def _read_heads(version: ShardedVersion, shard: int, bot_ids: set[str]) -> Iterator[tuple[str, LiveHead]]:
    rows = version.read_rows(shard, _COLUMNS, maker="train_bots")
    is_asked = pc.and_(pc.is_in(rows["bot_id"], pa.array(bot_ids, pa.string())), pc.is_valid(rows["weights"]))
    for row in rows.filter(is_asked).to_pylist():
        weights = np.frombuffer(row["weights"], np.float16).reshape(-1, len(row["intents"])).astype(np.float32)
        yield row["bot_id"], LiveHead(Head(weights), tuple(row["intents"]), row["scope_threshold"])
