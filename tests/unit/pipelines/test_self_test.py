"""A model's self-test: a sound one passes, one that cannot be right says why."""

from typing import Any

import numpy as np
import pytest

from pipelines.prediction import Predictor
from pipelines.self_test import ModelSelfTestError, check_predictor
from tests.tiny_model import ENCODER, build_tiny_model


def predictor(*, classes: int = 4, weight: float | None = None) -> Predictor:
    from models.predictor import compile_network

    network = build_tiny_model(seed=1, classes=classes)
    if weight is not None:
        network.set_weights([np.full_like(old, weight) for old in network.get_weights()])
    return Predictor(ENCODER, compile_network(network, batch_rows=4), 2)


def test_a_sound_model_passes() -> None:
    check_predictor(predictor(), name="malgil-intent", version="7")


@pytest.mark.parametrize(
    ("spoiled", "fault"),
    [
        ({"classes": 3}, r"expected 5 rows of 4 different intents, received \(5, 3\)"),
        ({"weight": float("nan")}, "expected probabilities that add up to 1, received others"),
    ],
)
def test_a_model_that_cannot_be_right_says_why(spoiled: dict[str, Any], fault: str) -> None:
    with pytest.raises(ModelSelfTestError, match=f"malgil-intent version 7: its self-test {fault}; train it again"):
        check_predictor(predictor(**spoiled), name="malgil-intent", version="7")
