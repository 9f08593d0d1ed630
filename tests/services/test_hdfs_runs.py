"""Training from HDFS and a whole run with its store there end as they do on local files."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from models.checkpoints import Checkpoints
from models.files import write_bytes
from models.training import Feeds, Progress, Trained, train
from models.training_config import TrainingConfig
from pipelines.feed import Batch, Shard, SnapshotFacts, read_facts, training_batches, validation_batches
from pipelines.io import embedded_redis
from pipelines.io.embedded_redis import EmbeddedRedisConfig
from tests.services.runs import run_job
from tests.tiny_network import TinyConfig, build_tiny_network, write_snapshot

CONFIG = TrainingConfig(epochs=4, batch_size=16, learning_rate=0.05, patience=0)


@pytest.fixture(scope="module")
def snapshots(hdfs: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[SnapshotFacts, SnapshotFacts]:
    """The same one, on HDFS and here."""
    folder = tmp_path_factory.mktemp("snapshot") / "snapshot"
    here = write_snapshot(folder, train=[70, 10, 55, 45, 20], validation=[11, 30])
    for file in (path for path in folder.rglob("*") if path.is_file()):
        write_bytes(f"{hdfs}/snapshot/{file.relative_to(folder)}", file.read_bytes())
    return read_facts(f"{hdfs}/snapshot"), read_facts(here)


def test_a_rank_reads_from_hdfs_what_it_would_read_here(snapshots: tuple[SnapshotFacts, SnapshotFacts]) -> None:
    theirs, ours = snapshots
    assert replace(theirs, url=ours.url) == ours
    for found, expected in zip(read_shard(theirs), read_shard(ours), strict=True):
        np.testing.assert_equal(found, expected)


def read_shard(facts: SnapshotFacts) -> list[Batch]:
    """More than a pass of training and one of validation."""
    training = training_batches(facts, Shard(1, 2), epoch=1, batch_size=10, pool_rows=40, seed=7)
    return [*islice(training, 20), *validation_batches(facts, Shard(1, 2), batch_size=8)]


def train_tiny(facts: SnapshotFacts, run_url: str, **options: Any) -> Trained:
    feeds = Feeds(
        rows=facts.rows["train"],
        training=lambda epoch: training_batches(facts, Shard(), epoch=epoch, batch_size=16, pool_rows=100, seed=0),
        validation=lambda: validation_batches(facts, Shard(), batch_size=20),
    )
    network = build_tiny_network(facts.inputs, classes=facts.classes, config=TinyConfig(dropout=0.2))
    return train(network, feeds, CONFIG, checkpoints=Checkpoints(run_url, "run"), **options)


def test_training_goes_on_from_a_checkpoint_on_hdfs(
    hdfs: str, snapshots: tuple[SnapshotFacts, SnapshotFacts], tmp_path: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.epoch == 3:
            raise KeyboardInterrupt

    theirs, ours = snapshots
    with pytest.raises(KeyboardInterrupt):
        train_tiny(theirs, f"{hdfs}/run", on_progress=interrupt)
    assert Checkpoints(f"{hdfs}/run", "run").newest() == (2, 0)
    resumed, undisturbed = train_tiny(theirs, f"{hdfs}/run"), train_tiny(ours, tmp_path.as_uri())

    assert resumed.weights_hash == undisturbed.weights_hash
    assert len(resumed.history) == 4


@pytest.fixture
def on_hdfs(hdfs: str, whole: dict[str, Any], folder: Path) -> Iterator[dict[str, Any]]:
    """A run with its store on HDFS, of the logs of `whole`, which stand on the configuration's NameNode as well."""
    logs = Path(whole["generate_messages"]["output"].removeprefix("file://"))
    for number, file in enumerate(sorted(logs.glob("*.gz"))):
        write_bytes(f"{hdfs}/chat/day=2026-05-01/part-{number}.jsonl.gz", file.read_bytes())
    yield run_job(folder / "hdfs", "nightly", f"store.root={hdfs}/malgil", "input.path=hdfs:///chat/*/part-?.jsonl.gz")
    embedded_redis.stop(EmbeddedRedisConfig(directory=str(folder / "hdfs" / "redis")))


def test_a_run_on_hdfs_ends_as_one_on_local_files(whole: dict[str, Any], on_hdfs: dict[str, Any], hdfs: str) -> None:
    assert on_hdfs["status"] == "succeeded", on_hdfs
    for step, keys in {
        "clean_messages": ("read", "clean", "rejected", "masked"),
        "build_training_set": ("snapshot", "rows", "vocabulary"),
        "train_intent": ("snapshot", "epochs", "metrics"),
        "predict_batch": ("predictions", "out_of_scope"),
    }.items():
        assert {key: on_hdfs[step][key] for key in keys} == {key: whole[step][key] for key in keys}
    assert on_hdfs["build_training_set"]["path"].startswith(f"{hdfs}/malgil/snapshots/")
    intents = intents_in_redis(on_hdfs)
    assert len(intents) == on_hdfs["predict_batch"]["predictions"]
    assert intents == intents_in_redis(whole)


def intents_in_redis(summary: dict[str, Any]) -> dict[bytes, str]:
    client = redis.Redis.from_url(summary["predict_batch"]["redis"])
    keys = list(client.scan_iter("malgil:prediction:*", count=1000))
    return {key: json.loads(text)["intent"] for key, text in zip(keys, client.mget(keys), strict=True)}
