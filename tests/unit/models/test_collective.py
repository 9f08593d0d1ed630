"""A lone rank; tests/spark/test_training.py has several."""

from models.collective import Ranks


def test_a_lone_rank_exchanges_with_itself() -> None:
    assert Ranks().sum([1, 2.5]).tolist() == [1, 2.5]
    assert Ranks().broadcast_text("안녕") == "안녕"
    assert Ranks().is_first
