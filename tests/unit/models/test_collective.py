"""A lone rank; tests/spark/test_training.py has several."""

import pytest

from models.collective import Ranks, choose_team_size


def test_a_lone_rank_exchanges_with_itself() -> None:
    assert Ranks().sum([1, 2.5]).tolist() == [1, 2.5]
    assert Ranks().broadcast_text("안녕") == "안녕"
    assert Ranks().is_first


@pytest.mark.parametrize(
    ("ranks", "team"), [(1, 1), (2, 2), (3, 3), (16, 16), (17, 17), (24, 12), (64, 16), (509, 509), (511, 7), (512, 16)]
)
def test_ranks_make_equal_teams_of_at_most_16_where_they_can(ranks: int, team: int) -> None:
    assert choose_team_size(ranks, 16) == team
