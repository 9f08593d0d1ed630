"""What a rank is fed with; tests/spark/test_training.py has ranks."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from models.class_weights import weigh_classes
from models.training_config import TrainingConfig
from pipelines.errors import MalgilError
from pipelines.feed import Shard, read_facts
from pipelines.rank import open_feeds
from tests.tiny_network import write_snapshot


def test_rows_count_by_their_classes_where_that_is_asked_for(tmp_path: Path) -> None:
    facts = read_facts(write_snapshot(tmp_path / "snapshot", train=[20], validation=[5]))
    counted = replace(facts, label_counts=[2, 3, 4, 5, 6])

    assert open_feeds(counted, TrainingConfig(), Shard()).class_weights is None
    weights = open_feeds(counted, TrainingConfig(class_balance=0.9), Shard()).class_weights
    assert weights is not None
    assert weights.tolist() == weigh_classes([2, 3, 4, 5, 6], 0.9).tolist()
    for facts_, balance in ((facts, 0.9), (counted, 1.0)):
        with pytest.raises(MalgilError, match=r"training.class_balance: expected a number from 0 to below 1"):
            open_feeds(facts_, TrainingConfig(class_balance=balance), Shard())


@pytest.mark.parametrize(
    ("buckets", "flexible", "lengths"), [(1, ["words"], {4}), (2, [], {4}), (2, ["words"], {2, 4})]
)
def test_rows_are_cut_where_that_is_asked_for_and_the_network_takes_it(
    tmp_path: Path, buckets: int, flexible: list[str], lengths: set[int]
) -> None:
    facts = read_facts(write_snapshot(tmp_path / "snapshot", train=[40], validation=[20], longest=[4]))
    config = TrainingConfig(batch_size=5, length_buckets=buckets)
    feeds = open_feeds(facts, config, Shard(), flexible=flexible)

    for batches in (islice(feeds.training(1), 8), feeds.validation()):
        assert {features["words"].shape[1] for features, _ in batches} == lengths
