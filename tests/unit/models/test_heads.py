"""A small head: it learns what features tell apart, says how good it is without being told, and is the same again."""

import numpy as np
import pytest

from models.heads import Head, TrainedHead, train_head

CENTRES = np.random.default_rng(0).normal(size=(3, 12)).astype(np.float32)


def _draw(count: int, *, noise: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    source = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % len(CENTRES)
    return (100 + CENTRES[labels] + noise * source.normal(size=(count, 12))).astype(np.float32), labels


def _train(features: np.ndarray, labels: np.ndarray, *, share: float = 0.95) -> TrainedHead:
    return train_head(features, labels, np.ones(len(labels)), in_scope_share=share)


def test_it_predicts_what_it_was_not_taught() -> None:
    trained = _train(*_draw(60, noise=0.3))
    features, labels = _draw(300, noise=0.3, seed=2)
    probabilities = trained.head.predict(features)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.95
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_its_own_accuracy_and_confidence_are_those_on_new_rows() -> None:
    trained = _train(*_draw(150, noise=1.5))
    features, labels = _draw(3000, noise=1.5, seed=2)
    probabilities = trained.head.predict(features)
    accuracy = (probabilities.argmax(axis=1) == labels).mean()
    assert 0.5 < accuracy < 0.95  # else the comparison says little
    assert trained.accuracy == pytest.approx(accuracy, abs=0.1)
    assert probabilities.max(axis=1).mean() == pytest.approx(accuracy, abs=0.1)


def test_rows_that_say_nothing_are_told_apart_by_luck_and_said_to_be_so() -> None:
    features, labels = np.ones((40, 12), np.float32), np.arange(40, dtype=np.int32) % 2
    trained = _train(features, labels)
    assert trained.accuracy < 0.6
    assert trained.head.predict(features).max() < 0.7


def test_the_threshold_keeps_the_share_and_unknown_tokens_lower_the_score() -> None:
    features, labels = _draw(200, noise=1.0)
    wide, narrow = (_train(features, labels, share=share).scope_threshold for share in (0.99, 0.5))
    half_known = train_head(features, labels, np.full(200, 0.5), in_scope_share=0.5).scope_threshold
    assert wide < narrow
    assert half_known == pytest.approx(narrow * 0.5**0.25, abs=1e-5)


def test_the_same_rows_give_the_same_head_in_half_precision() -> None:
    first, second = (_train(*_draw(60, noise=0.3)).head.weights for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, first.astype(np.float16).astype(np.float32))


def test_an_intent_with_one_utterance_is_learned() -> None:
    features, labels = _draw(60, noise=0.1)
    kept = (labels < 2) | (np.arange(60) == 2)
    trained = _train(features[kept], labels[kept])
    assert trained.head.predict(features).argmax(axis=1).tolist() == labels.tolist()


def test_it_is_a_linear_layer() -> None:
    head = Head(np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 1.0]], np.float32))  # the last row is the bias
    np.testing.assert_allclose(head.predict(np.array([[1.0, 0.5]], np.float32)), [[0.5, 0.5]])
