"""Rooms between two models: each sees one, and staging gets its share."""

import pytest

from models.vocabulary import Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.live_models import LiveModel, LiveModels
from pipelines.prediction import Predictor

ENCODER = TextEncoder((Feature("syllables", "characters", 4, Vocabulary(("배",))),), ("delivery", "refund"))
OLD, NEW = (LiveModel(Predictor(ENCODER, lambda inputs: inputs, 1), "malgil-intent", version) for version in "12")
ROOMS = [f"방-{room}" for room in range(20_000)]


@pytest.mark.parametrize("percent", [0, 1, 10, 50, 100])
def test_staging_gets_its_share_of_the_rooms(percent: float) -> None:
    models = LiveModels(OLD, NEW, percent)
    staged = [room for room in ROOMS if models.choose(room) is NEW]
    share = percent / 100
    deviation = (len(ROOMS) * share * (1 - share)) ** 0.5
    assert abs(len(staged) - len(ROOMS) * share) <= 4 * deviation
    assert staged == [room for room in ROOMS if LiveModels(OLD, NEW, percent).choose(room) is NEW]


def test_a_higher_share_keeps_the_rooms_of_a_lower_one() -> None:
    few, many = ({room for room in ROOMS if LiveModels(OLD, NEW, percent).choose(room) is NEW} for percent in (5, 20))
    assert few < many


def test_without_a_staged_model_or_a_room_production_predicts() -> None:
    assert LiveModels(OLD, None, 100).choose(ROOMS[0]) is OLD
    assert LiveModels(OLD, NEW, 100).choose(None) is OLD
