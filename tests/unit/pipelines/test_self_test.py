"""A model's self-test: a sound one passes, one that cannot be right says why."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.io.model_files import LoadedModel
from pipelines.prediction import Predictor
from pipelines.replies import create_reply_predictor
from pipelines.self_test import ModelSelfTestError, check_predictor, check_reply_predictor
from pipelines.suggestions import SuggestionsConfig
from tests.tiny_model import ENCODER, build_tiny_model, build_tiny_replier


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


def test_a_reply_model_needs_a_text_for_each_of_its_answers() -> None:
    network, encoder, responses = build_tiny_replier()
    model = LoadedModel(network, encoder, "malgil-reply", "2")
    sound = create_reply_predictor(model, responses, SuggestionsConfig())
    check_reply_predictor(sound, name="malgil-reply", version="2")
    short = replace(sound, responses=replace(responses, responses=responses.responses[1:]))
    with pytest.raises(ModelSelfTestError, match="malgil-reply version 2: its self-test expected the network's 5 answ"):
        check_reply_predictor(short, name="malgil-reply", version="2")
