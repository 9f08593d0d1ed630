"""Messages to many bots in one call: each by its bot's head, the others by the model."""

import numpy as np
import pytest

from models.features import with_sentence
from models.heads import Head
from models.predictor import compile_network
from pipelines.bot_predictions import predict_by_bot
from pipelines.io.bot_heads import LiveHead
from pipelines.prediction import Predictor
from tests.tiny_model import ENCODER, INTENTS, build_tiny_model

TEXTS = ["배송 언제 와요", "주문 취소해 주세요", "환불", "네 안녕하세요"]


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    network = build_tiny_model(seed=1)
    both = compile_network(with_sentence(network), batch_rows=4)
    return Predictor(ENCODER, compile_network(network, batch_rows=4), 3, 0.3, both)


def _head(predictor: Predictor, *intents: str, threshold: float = 0.0) -> LiveHead:
    size = predictor.read(TEXTS).features.shape[1] + 1
    weights = np.random.default_rng(len(intents)).normal(size=(size, len(intents))).astype(np.float32)
    return LiveHead(Head(weights), intents, threshold)


def test_what_is_read_holds_the_probabilities_and_more(predictor: Predictor) -> None:
    reading = predictor.read(TEXTS)
    np.testing.assert_allclose(reading.probabilities, predictor.predict(reading.ids), atol=1e-6)
    assert reading.features.shape == (4, 48 + len(INTENTS))  # three widths of 8 filters for each of two inputs
    assert np.ptp(reading.features, axis=0).max() > 0


def test_each_bot_has_its_head_and_the_others_the_model(predictor: Predictor) -> None:
    heads = {
        "two": _head(predictor, "a", "b"),
        "five": _head(predictor, *"cdefg"),
        "unasked": _head(predictor, "x", "y"),
    }
    tops = predict_by_bot(predictor, heads, TEXTS, ["two", "other", "five", None])

    names = [[tops.names[i] for i in row if i >= 0] for row in tops.classes]
    features, top = predictor.read(TEXTS).features, predictor.predict_top(TEXTS)
    assert tops.is_by_bot.tolist() == [True, False, True, False]
    for row, bot in ((0, "two"), (2, "five")):
        probabilities = heads[bot].head.predict(features[row : row + 1])[0]
        best = np.argsort(-probabilities)[:3]
        assert names[row] == [heads[bot].intents[i] for i in best]
        np.testing.assert_allclose(tops.probabilities[row, : len(best)], probabilities[best], atol=1e-5)
    for row in (1, 3):
        assert names[row] == [INTENTS[i] for i in top.classes[row]]
        np.testing.assert_allclose(tops.probabilities[row], top.probabilities[row], atol=1e-6)


def test_a_message_is_predicted_the_same_alone_and_among_others(predictor: Predictor) -> None:
    heads = {"two": _head(predictor, "a", "b")}
    among = predict_by_bot(predictor, heads, TEXTS, ["two", None, "two", "two"])
    alone = predict_by_bot(predictor, heads, TEXTS[2:3], ["two"])
    assert [among.names[i] for i in among.classes[2, :2]] == [alone.names[i] for i in alone.classes[0, :2]]
    np.testing.assert_allclose(among.probabilities[2], alone.probabilities[0], atol=1e-6)


def test_a_heads_own_threshold_says_what_is_out_of_scope_unless_one_is_set(predictor: Predictor) -> None:
    heads = {"strict": _head(predictor, "a", "b", threshold=1.1), "mild": _head(predictor, "a", "b")}
    bots = ["strict", "mild"] * 2
    assert predict_by_bot(predictor, heads, TEXTS, bots).is_out_of_scope.tolist() == [True, False] * 2
    one_for_all = Predictor(ENCODER, predictor.predict, 3, 1.1, predictor.predict_with_sentence, 1.1)
    assert predict_by_bot(one_for_all, heads, TEXTS, bots).is_out_of_scope.all()


def test_without_a_sentences_vector_the_probabilities_are_the_features() -> None:
    only = Predictor(ENCODER, compile_network(build_tiny_model(seed=1), batch_rows=4), 3)
    reading = only.read(TEXTS)
    np.testing.assert_allclose(reading.features, np.log(reading.probabilities.clip(1e-6)), atol=1e-5)
