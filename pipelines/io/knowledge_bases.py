"""The knowledge bases of bots in a process that predicts: read when a message of their bot comes, and some kept."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache

from pipelines.io.sharded_versions import ShardedVersion
from pipelines.knowledge import EVERYONE
from pipelines.passage_index import PassageIndex, read_index

_MAKER = "build_knowledge_base"
_MIB = 2**20


@dataclass(frozen=True)
class KnowledgeRules:
    """How a process uses knowledge bases."""

    count: int  # answers a message, at most
    cached_mib: int  # of passages and indexes that are kept


@dataclass(frozen=True)
class _Kept:
    """A bot's passages, and the SHA-256 of the file that they came from."""

    sha256: str
    index: PassageIndex


class KnowledgeBases:
    """The passages of one version by bot: at most `cached_mib` are kept, those that were asked for last.

    One that is larger is kept while it is the only one. A bot's file is checked against the list of its shard, and that
    against the version. Threads may share it.
    """

    def __init__(self, version: ShardedVersion, rules: KnowledgeRules) -> None:
        self.version, self.rules = version, rules
        self._files: dict[int, dict[str, tuple[str, str]]] = {}  # by shard: of each bot in it, its file and SHA-256
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def find_owner(self, bot_id: str | None) -> str | None:
        """Whose passages answer the bot's messages: its own, else those that name no bot; None where there are none.

        Raises ShardError where a list is not the one that was published, and the file system's errors.
        """
        with self._lock:
            return next((owner for owner in (bot_id, EVERYONE) if owner is not None and self._find_file(owner)), None)

    def find(self, owner: str) -> PassageIndex:
        """The passages of a bot that has some. Raises as `find_owner`."""
        with self._lock:
            return self._find(owner)

    def succeed(self, version: ShardedVersion) -> "KnowledgeBases":
        """Those of another version, with the bots loaded that are loaded here; unchanged ones are taken over."""
        new = KnowledgeBases(version, self.rules)
        with self._lock:
            kept = dict(self._kept)
        for bot_id, one in kept.items():
            file = new._find_file(bot_id)
            if file and file[1] == one.sha256:
                new._keep(bot_id, one)
            elif file:
                new._find(bot_id)
        return new

    def _find(self, bot_id: str) -> PassageIndex:
        if bot_id in self._kept:
            self._kept.move_to_end(bot_id)
            return self._kept[bot_id].index
        name, sha256 = self._find_file(bot_id) or ("", "")
        index = read_index(self.version.read_file(name, sha256, maker=_MAKER))
        self._keep(bot_id, _Kept(sha256, index))
        return index

    def _find_file(self, bot_id: str) -> tuple[str, str] | None:
        shard = self.version.shard_of(bot_id)
        if shard not in self._files:
            rows = self.version.read_rows(shard, ["bot_id", "file", "sha256"], maker=_MAKER).to_pylist()
            self._files[shard] = {row["bot_id"]: (row["file"], row["sha256"]) for row in rows}
        return self._files[shard].get(bot_id)

    def _keep(self, bot_id: str, one: _Kept) -> None:
        self._kept[bot_id] = one
        self._size += one.index.size
        while self._size > self.rules.cached_mib * _MIB and len(self._kept) > 1:
            self._size -= self._kept.popitem(last=False)[1].index.size


@dataclass(frozen=True)
class KnowledgeSource:
    """The version in use and the rules, as they travel to executors."""

    version: ShardedVersion
    rules: KnowledgeRules


@lru_cache(maxsize=1)
def shared_bases(source: KnowledgeSource) -> KnowledgeBases:
    """The knowledge bases of this Python worker; on executors only."""
    return KnowledgeBases(source.version, source.rules)
