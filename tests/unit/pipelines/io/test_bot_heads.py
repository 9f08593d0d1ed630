"""Heads of bots in a process that predicts: read by shard, checked, kept within bounds."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.io.bot_heads import BotHeads
from pipelines.io.sharded_versions import ShardError
from tests.bot_shards import write_heads

WEIGHTS = np.arange(6, dtype=np.float16).reshape(3, 2)
BOTS = [f"봇{i}" for i in range(10)]
HEADS = {bot: (["환불", bot], WEIGHTS) for bot in BOTS}


def test_a_bots_head_is_found_whole(tmp_path: Path) -> None:
    version = write_heads(tmp_path, {**HEADS, "without": (["환불"], None)})
    found = BotHeads(version, cached=9).find(["봇1", "unknown", "without"])
    assert [*found] == ["봇1"]  # the others have none
    assert (found["봇1"].intents, found["봇1"].scope_threshold) == (("환불", "봇1"), 0.25)
    np.testing.assert_array_equal(found["봇1"].head.weights, WEIGHTS.astype(np.float32))


def test_heads_that_are_kept_are_not_read_again(tmp_path: Path) -> None:
    heads = BotHeads(write_heads(tmp_path, HEADS), cached=2)
    heads.find(["봇1", "봇2"])
    heads.find(["봇1"])  # asked for later than the second
    heads.find(["봇3"])  # takes the second one's place
    for file in tmp_path.glob("*.parquet"):
        file.unlink()
    assert heads.find(["봇1", "봇3"]).keys() == {"봇1", "봇3"}
    with pytest.raises(ShardError, match=r"bots/7: expected \d\.parquet with SHA-256 .*, found nothing"):
        heads.find(["봇2"])


def test_more_bots_than_are_kept_are_found_at_once(tmp_path: Path) -> None:
    assert BotHeads(write_heads(tmp_path, HEADS), cached=1).find(BOTS).keys() == set(BOTS)


def test_a_shard_without_a_bot_has_no_head(tmp_path: Path) -> None:
    version = write_heads(tmp_path, {"봇1": HEADS["봇1"]})
    assert BotHeads(version, cached=9).find(BOTS).keys() == {"봇1"}


def test_another_file_is_refused(tmp_path: Path) -> None:
    version = write_heads(tmp_path, HEADS)
    (tmp_path / f"{version.shard_of('봇1')}.parquet").write_bytes(b"another")
    with pytest.raises(ShardError, match=r"found another file; run train_bots again"):
        BotHeads(version, cached=9).find(["봇1"])
