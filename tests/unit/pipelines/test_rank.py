"""What a rank is fed with; tests/spark/test_training.py has ranks."""

from dataclasses import replace
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
