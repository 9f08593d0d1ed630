"""A rank's share of a snapshot, as whole numpy batches read through Petastorm.

Row groups are dealt out to the ranks; each rank reads its own in another order every epoch and mixes the rows
of several at a time. The order follows from the seed alone. Batches go to the network whole: row by row
through tf.data costs more than reading them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from models.files import locate
from models.vocabulary import InputSpec
from pipelines.errors import MalgilError
from pipelines.length_buckets import LengthBuckets, take_turns

Batch = tuple[dict[str, npt.NDArray[np.int32]], npt.NDArray[Any]]
LABEL = "label"
TARGET = "target"  # each class's share in what is learned, where a teacher said so: float32 (classes,)
UNCUT = LengthBuckets({}, 1)
T = TypeVar("T")


@dataclass(frozen=True)
class SnapshotFacts:
    """What the ranks must know of a snapshot before they read it."""

    url: str
    rows: Mapping[str, int]  # by split
    row_groups: Mapping[str, int]  # of the splits that ranks read
    inputs: Mapping[str, InputSpec]  # by feature
    classes: int
    label_counts: Sequence[int] = ()  # training rows of each class, where they were counted
    has_targets: bool = False  # whether training rows have a TARGET, which is learned instead of the label


@dataclass(frozen=True)
class Shard:
    """The share of rank `index` of `count`."""

    index: int = 0
    count: int = 1


def read_facts(snapshot_url: str, features: Sequence[str] = ()) -> SnapshotFacts:
    """The facts in a snapshot's manifest and in the footers of its files; of some features only, if they are named.

    Raises MalgilError where the snapshot has no such feature.
    """
    from pipelines.petastorm_files import count_row_groups  # a quarter second that other users do not need

    filesystem, path = locate(snapshot_url)
    manifest = json.loads(filesystem.cat_file(f"{path}/manifest.json"))
    inputs = {
        name: InputSpec.from_dict(feature) for name, feature in choose_features(manifest["features"], features).items()
    }
    groups = {split: sum(count_row_groups(f"{snapshot_url}/{split}").values()) for split in ("train", "validation")}
    has_targets = "teacher" in manifest
    classes = len(manifest["intents"])
    return SnapshotFacts(snapshot_url, manifest["rows"], groups, inputs, classes, has_targets=has_targets)


def choose_features(of_snapshot: Mapping[str, T], names: Sequence[str]) -> dict[str, T]:
    """What is known of the named features, in the snapshot's order; of all of them where none is named.

    Raises MalgilError where the snapshot has no such feature.
    """
    if unknown := sorted(set(names) - set(of_snapshot)):
        raise MalgilError(
            f"network.features: expected some of {', '.join(of_snapshot)}, received {unknown[0]!r}; "
            "name those of the training set, or add it to training_set.features"
        )
    return {name: value for name, value in of_snapshot.items() if not names or name in names}


def training_batches(
    facts: SnapshotFacts,
    shard: Shard,
    *,
    epoch: int,
    batch_size: int,
    pool_rows: int,
    seed: int,
    buckets: LengthBuckets = UNCUT,
) -> Iterator[Batch]:
    """Endless batches of exactly `batch_size` rows: pass after pass over the shard, each in another order.

    What is learned is int32 labels (rows,), or float32 targets (rows, classes) where the snapshot has them. With
    `buckets` the rows of a batch are of like length, on all ranks in the same step.
    """
    mixer = np.random.default_rng([seed, epoch, shard.index])
    chance = np.random.default_rng([seed, epoch, 0, 1])  # equal on all ranks, and no mixer's
    rest: list[Batch] = []
    for number in count():
        # 0 would be no seed to Petastorm
        order = int(np.random.default_rng([seed, epoch, number]).integers(1, 2**31))
        for pool in _pools(_row_groups(facts, "train", shard, seed=order), pool_rows):
            rows = _join([*rest, pool])
            whole = len(rows[1]) // batch_size * batch_size
            mixed = _take(rows, _mix(rows, whole, mixer, buckets))
            batches = range(0, whole, batch_size)
            for start in take_turns(batches, chance) if buckets.places else batches:
                yield _cut(_slice(mixed, start, start + batch_size), buckets)
            rest = [_slice(mixed, whole, len(mixed[1]))]


def validation_batches(
    facts: SnapshotFacts, shard: Shard, *, batch_size: int, buckets: LengthBuckets = UNCUT
) -> Iterator[Batch]:
    """One pass over the shard in the order of the files, in batches of up to `batch_size` rows.

    Over all ranks every row comes exactly once. With fewer row groups than ranks the last ranks get nothing. With
    `buckets` a batch is of rows of one file and one bucket.
    """
    shards = min(shard.count, facts.row_groups["validation"])
    if shard.index < shards:
        for group in _row_groups(facts, "validation", Shard(shard.index, shards), seed=None):
            for rows in _split(group, buckets):
                yield from _slices(rows, batch_size)


def _row_groups(facts: SnapshotFacts, split: str, shard: Shard, *, seed: int | None) -> Iterator[Batch]:
    """A shard's row groups, one after another; in the order of the files without a seed.

    One thread reads ahead: a rank has one core, and more threads would make the order random.
    """
    from petastorm import make_batch_reader  # half a second that other users of this module do not need

    from pipelines.petastorm_files import petastorm_files  # likewise

    learned = TARGET if facts.has_targets and split == "train" else LABEL
    reader = make_batch_reader(
        f"{facts.url}/{split}",
        schema_fields=[f"^{re.escape(name)}$" for name in (*facts.inputs, learned)],
        reader_pool_type="thread",
        workers_count=1,
        results_queue_size=2,
        shuffle_row_groups=seed is not None,
        seed=seed,
        cur_shard=shard.index,
        shard_count=shard.count,
        convert_early_to_numpy=True,
        filesystem=petastorm_files(facts.url),
    )
    try:
        for _ in range(shard.index, facts.row_groups[split], shard.count):
            group = _next_row_group(reader)
            yield {name: getattr(group, name) for name in facts.inputs}, getattr(group, learned)
    finally:  # what `with reader` does, without its line on stdout
        reader.stop()
        reader.join()


def _next_row_group(reader: Any) -> Any:
    """The reader's next row group, asked for once more where Petastorm says too early that there is none.

    Its pool first looks whether all work is done, then whether all work was handed out: what is handed out in
    between is lost to a plain loop (28 of 200 passes over small shards lost row groups).
    """
    group = next(reader, None) or next(reader, None)
    if group is None:
        raise MalgilError("A snapshot ended early: expected more row groups than were found; build it anew.")
    return group


def _pools(groups: Iterator[Batch], rows: int) -> Iterator[Batch]:
    """Row groups joined until each has at least `rows` rows; the last one may have fewer."""
    pool: list[Batch] = []
    with closing(groups):  # type: ignore[type-var]  # a generator has close
        for group in groups:
            pool.append(group)
            if sum(len(labels) for _, labels in pool) >= rows:
                yield _join(pool)
                pool = []
    if pool:
        yield _join(pool)


def _join(batches: Sequence[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    names = batches[0][0]
    features = {name: np.concatenate([batch[name] for batch, _ in batches]) for name in names}
    return features, np.concatenate([labels for _, labels in batches])


def _mix(rows: Batch, whole: int, mixer: np.random.Generator, buckets: LengthBuckets) -> npt.NDArray[np.intp]:
    """The rows' places in random order; of the first `whole` ones those of shorter buckets first."""
    order = mixer.permutation(len(rows[1]))
    if buckets.places:
        found = buckets.find(rows[0])[order[:whole]]
        order[:whole] = order[:whole][np.argsort(found, kind="stable")]
    return order


def _split(rows: Batch, buckets: LengthBuckets) -> Iterator[Batch]:
    """The rows of each bucket, cut to it."""
    found = buckets.find(rows[0])
    for bucket in np.unique(found):
        yield _cut(_take(rows, np.flatnonzero(found == bucket)), buckets)


def _cut(batch: Batch, buckets: LengthBuckets) -> Batch:
    features, labels = batch
    return buckets.cut(features), labels


def _take(batch: Batch, places: npt.NDArray[np.intp]) -> Batch:
    features, labels = batch
    return {name: ids[places] for name, ids in features.items()}, labels[places]


def _slices(batch: Batch, size: int) -> Iterator[Batch]:
    for start in range(0, len(batch[1]), size):
        yield _slice(batch, start, min(start + size, len(batch[1])))


def _slice(batch: Batch, start: int, stop: int) -> Batch:
    features, labels = batch
    return {name: ids[start:stop] for name, ids in features.items()}, labels[start:stop]
