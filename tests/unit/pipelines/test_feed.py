"""Petastorm reads Parquet files that pyarrow wrote; rows are known by their letters."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from models.vocabulary import InputSpec
from pipelines.errors import MalgilError
from pipelines.feed import UNCUT, Batch, Shard, SnapshotFacts, read_facts, training_batches, validation_batches
from pipelines.length_buckets import LengthBuckets
from pipelines.petastorm_files import write_row_group_index
from tests.tiny_network import write_snapshot

BUCKETS = LengthBuckets({"words": 4}, 2)


def names(batches: Iterable[Batch]) -> list[bytes]:
    """What tells rows apart, in order."""
    return [row.tobytes() for features, _ in batches for row in features["letters"]]


def epoch_of(
    facts: SnapshotFacts,
    shard: Shard,
    *,
    epoch: int = 1,
    size: int = 10,
    steps: int = 6,
    buckets: LengthBuckets = UNCUT,
) -> list[Batch]:
    batches = training_batches(facts, shard, epoch=epoch, batch_size=size, pool_rows=40, seed=7, buckets=buckets)
    return list(islice(batches, steps))


@pytest.fixture
def facts(tmp_path: Path) -> SnapshotFacts:
    return read_facts(write_snapshot(tmp_path / "snapshot", train=[30, 30, 30, 30], validation=[11, 20, 9]))


@pytest.fixture
def padded(tmp_path: Path) -> SnapshotFacts:
    """Uneven shards of rows of one to four words."""
    url = write_snapshot(tmp_path / "padded", train=[70, 40, 30, 60], validation=[11, 20, 9], longest=[4])
    return read_facts(url)


def test_facts_come_from_the_manifest_and_the_files(facts: SnapshotFacts) -> None:
    assert facts == SnapshotFacts(
        url=facts.url,
        rows={"train": 120, "validation": 40},
        row_groups={"train": 4, "validation": 3},
        inputs={"words": InputSpec(9000, 4), "letters": InputSpec(50, 6)},
        classes=5,
    )


def test_only_the_features_that_are_named_are_read(facts: SnapshotFacts) -> None:
    chosen = read_facts(facts.url, ["letters"])
    assert chosen.inputs == {"letters": InputSpec(50, 6)}
    features, _ = next(training_batches(chosen, Shard(), epoch=1, batch_size=10, pool_rows=40, seed=7))
    assert list(features) == ["letters"]


def test_a_feature_that_is_not_there_is_refused(facts: SnapshotFacts) -> None:
    with pytest.raises(MalgilError, match=r"network\.features: expected some of words, letters, received 'jamo'"):
        read_facts(facts.url, ["letters", "jamo"])


def test_batches_are_int32_arrays_of_one_size(facts: SnapshotFacts) -> None:
    for features, labels in epoch_of(facts, Shard(0, 2)):
        assert {name: (ids.shape, ids.dtype) for name, ids in features.items()} == {
            "words": ((10, 4), np.int32),
            "letters": ((10, 6), np.int32),
        }
        assert (labels.shape, labels.dtype) == ((10,), np.int32)
        np.testing.assert_array_equal(features["words"][:, 0], 2 + labels)  # rows stay whole


def test_a_pass_of_all_ranks_has_every_row_once(facts: SnapshotFacts) -> None:
    rows = names([*epoch_of(facts, Shard(0, 2)), *epoch_of(facts, Shard(1, 2))])

    assert len(rows) == len(set(rows)) == 120


def test_the_order_follows_from_seed_and_epoch(facts: SnapshotFacts) -> None:
    first, again = names(epoch_of(facts, Shard(0, 2))), names(epoch_of(facts, Shard(0, 2)))
    second = names(epoch_of(facts, Shard(0, 2), epoch=2))

    assert first == again
    assert first != second
    assert Counter(first) == Counter(second)


def test_training_goes_on_after_a_pass_with_every_row_as_often(facts: SnapshotFacts) -> None:
    rows = Counter(names(epoch_of(facts, Shard(0, 1), size=50, steps=12)))  # 600 rows: 5 passes

    assert sorted(rows.values()) == [5] * 120


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_validation_has_every_row_once_over_all_ranks(facts: SnapshotFacts, ranks: int) -> None:
    batches = [batch for rank in range(ranks) for batch in validation_batches(facts, Shard(rank, ranks), batch_size=8)]

    rows = names(batches)
    assert len(rows) == len(set(rows)) == 40
    assert max(len(labels) for _, labels in batches) == 8


def test_no_row_group_is_lost_between_petastorm_s_threads(facts: SnapshotFacts) -> None:
    counts = [
        sum(len(labels) for _, labels in validation_batches(facts, Shard(0, 3), batch_size=50)) for _ in range(60)
    ]

    assert counts == [11] * 60


def test_with_an_index_a_rank_opens_no_file_of_another_rank(facts: SnapshotFacts) -> None:
    before = names(validation_batches(facts, Shard(0, 3), batch_size=50))
    write_row_group_index(f"{facts.url}/validation")
    for other in ("part-1", "part-2"):
        Path(facts.url.removeprefix("file://"), "validation", f"{other}.parquet").write_bytes(b"no Parquet")

    assert names(validation_batches(facts, Shard(0, 3), batch_size=50)) == before


def test_a_pass_by_length_has_the_rows_of_one_in_any_order(padded: SnapshotFacts) -> None:
    plain, cut = (names(epoch_of(padded, Shard(0, 2), steps=10, buckets=buckets)) for buckets in (UNCUT, BUCKETS))

    assert len(set(cut)) == len(cut) == 100  # the shard has 70 + 30 rows
    assert sorted(cut) == sorted(plain)


def test_rows_of_a_batch_are_of_like_length_and_cut_to_it(padded: SnapshotFacts) -> None:
    batches = epoch_of(padded, Shard(0, 2), steps=40, buckets=BUCKETS)
    shapes = Counter(features["words"].shape for features, _ in batches)

    assert set(shapes) == {(10, 2), (10, 4)}
    assert shapes[10, 2] > 10
    mixed = [f for f, _ in batches if f["words"].shape[1] == 4 and not f["words"][:, 2].all()]
    assert len(mixed) <= 2 * 4  # in each pool the one batch between two buckets
    for features, labels in batches:
        assert features["letters"].shape == (10, 6)  # no padding that costs
        np.testing.assert_array_equal(features["words"][:, 0], 2 + labels)


def test_ranks_have_batches_of_one_length_in_most_steps(tmp_path: Path) -> None:
    facts = read_facts(write_snapshot(tmp_path / "alike", train=[400] * 4, validation=[5], longest=[4]))
    first, second = (
        [features["words"].shape[1] for features, _ in epoch_of(facts, Shard(rank, 2), steps=80, buckets=BUCKETS)]
        for rank in range(2)
    )

    assert set(first) == {2, 4}
    assert sum(mine != theirs for mine, theirs in zip(first, second, strict=True)) < 8  # of chance it would be 40


def test_the_order_by_length_follows_from_seed_and_epoch(padded: SnapshotFacts) -> None:
    first, again, second = (names(epoch_of(padded, Shard(1, 2), epoch=epoch, buckets=BUCKETS)) for epoch in (1, 1, 2))

    assert first == again
    assert first != second


@pytest.mark.parametrize("ranks", [1, 5])
def test_validation_by_length_has_every_row_once_and_cut(padded: SnapshotFacts, ranks: int) -> None:
    batches = [
        batch
        for rank in range(ranks)
        for batch in validation_batches(padded, Shard(rank, ranks), batch_size=8, buckets=BUCKETS)
    ]

    rows = names(batches)
    assert len(rows) == len(set(rows)) == 40
    assert {features["words"].shape[1] for features, _ in batches} == {2, 4}
    for features, labels in batches:
        np.testing.assert_array_equal(features["words"][:, 0], 2 + labels)
        assert features["words"].shape[1] == 2 or features["words"][:, 2].all()
