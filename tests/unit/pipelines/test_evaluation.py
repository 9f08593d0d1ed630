"""An evaluation's numbers, from counts made by hand and against scikit-learn's."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from pipelines.evaluation import CalibrationBin, Confusion, Evaluation, IntentScore, evaluate_counts


def pair(intent: str, predicted: str, count: int) -> dict[str, Any]:
    return {"intent": intent, "predicted": predicted, "bin": None, "is_right": None, "count": count}


def in_bin(number: int, count: int, *, confidence: float, is_right: bool) -> dict[str, Any]:
    return {
        "intent": None,
        "predicted": None,
        "bin": number,
        "is_right": is_right,
        "count": count,
        "confidence": confidence,
    }


COUNTS = [
    pair("order_status", "order_status", 3),
    pair("order_status", "refund_request", 1),
    pair("refund_request", "refund_request", 2),
    pair("refund_request", "order_status", 2),
    pair("store_hours", "order_status", 2),
    in_bin(15, 5, confidence=4.8, is_right=True),
    in_bin(15, 3, confidence=2.9, is_right=False),
    in_bin(9, 2, confidence=1.1, is_right=False),
]


def test_counts_become_scores() -> None:
    assert evaluate_counts(COUNTS) == Evaluation(
        rows=10,
        accuracy=0.5,
        macro_f1=pytest.approx((6 / 11 + 4 / 7 + 0) / 3),
        calibration_error=pytest.approx(0.8 * abs(5 / 8 - 7.7 / 8) + 0.2 * abs(0 - 0.55)),
        intents=(
            IntentScore("order_status", support=4, precision=3 / 7, recall=0.75, f1=6 / 11),
            IntentScore("refund_request", support=4, precision=2 / 3, recall=0.5, f1=4 / 7),
            IntentScore("store_hours", support=2, precision=0.0, recall=0.0, f1=0.0),
        ),
        confusions=(
            Confusion("order_status", "order_status", 3),
            Confusion("order_status", "refund_request", 1),
            Confusion("refund_request", "order_status", 2),
            Confusion("refund_request", "refund_request", 2),
            Confusion("store_hours", "order_status", 2),
        ),
        bins=(
            CalibrationBin(8 / 15, 9 / 15, count=2, confidence=0.55, accuracy=0.0),
            CalibrationBin(lower=14 / 15, upper=1.0, count=8, confidence=pytest.approx(7.7 / 8), accuracy=5 / 8),
        ),
    )


def test_mistakes_come_most_frequent_first() -> None:
    assert evaluate_counts(COUNTS).mistakes == (
        Confusion("refund_request", "order_status", 2),
        Confusion("store_hours", "order_status", 2),
        Confusion("order_status", "refund_request", 1),
    )


def test_no_messages_give_zeros() -> None:
    assert evaluate_counts([]) == Evaluation(0, 0.0, 0.0, 0.0, (), (), ())


def test_an_evaluation_survives_json() -> None:
    evaluation = evaluate_counts(COUNTS)

    assert Evaluation.from_json(evaluation.to_json()) == evaluation


def test_the_scores_are_scikit_learns() -> None:
    random = np.random.default_rng(7)
    labels = random.choice(["a", "b", "c", "d"], 500)
    predicted = np.where(random.random(500) < 0.6, labels, random.choice(["a", "b", "e"], 500))

    evaluation = evaluate_counts(count_pairs(zip(labels, predicted, strict=True)))

    assert evaluation.accuracy == accuracy_score(labels, predicted)
    expected = f1_score(labels, predicted, labels=["a", "b", "c", "d"], average="macro", zero_division=0)
    assert evaluation.macro_f1 == pytest.approx(expected)


def count_pairs(pairs: Iterator[tuple[str, str]]) -> Iterator[Mapping[str, Any]]:
    return (pair(intent, predicted, count) for (intent, predicted), count in Counter(pairs).items())
