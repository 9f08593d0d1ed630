"""Spark's counts of a model's predictions, with every kind of row that a test split can hold."""

from pyspark.sql import DataFrame, SparkSession

from pipelines.evaluation import (
    CalibrationBin,
    Confusion,
    IntentScore,
    count_predictions,
    evaluate_predictions,
)

ROWS = [
    ("order_status", "order_status", 1.0),
    ("order_status", "order_status", 14 / 15),  # the upper end belongs to the bin below
    ("order_status", "refund_request", 0.0),
    ("refund_request", "refund_request", 0.99),
    ("new_intent", "order_status", 0.99),  # the model has never seen it
    ("refund_request", None, None),  # the model gave no answer
    (None, "refund_request", 0.99),  # no label: nothing to compare with
]


def predictions(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(ROWS, "intent string, predicted string, confidence double")


def test_every_labelled_row_counts_once_as_a_pair_and_once_in_a_bin(spark: SparkSession) -> None:
    evaluation = evaluate_predictions(predictions(spark))

    assert evaluation.rows == 6
    assert evaluation.accuracy == 0.5
    assert evaluation.confusions == (
        Confusion("new_intent", "order_status", 1),
        Confusion("order_status", "order_status", 2),
        Confusion("order_status", "refund_request", 1),
        Confusion("refund_request", "(none)", 1),
        Confusion("refund_request", "refund_request", 1),
    )
    assert [bin_.count for bin_ in evaluation.bins] == [2, 1, 3]
    assert evaluation.bins[0] == CalibrationBin(0.0, 1 / 15, count=2, confidence=0.0, accuracy=0.0)


def test_an_intent_that_the_model_does_not_know_is_wrong(spark: SparkSession) -> None:
    scores = evaluate_predictions(predictions(spark)).intents

    assert scores[0] == IntentScore("new_intent", support=1, precision=0.0, recall=0.0, f1=0.0)


def test_the_counts_are_few_and_hold_no_message(spark: SparkSession) -> None:
    counts = count_predictions(predictions(spark))

    assert counts.columns == ["intent", "predicted", "bin", "is_right", "count", "confidence"]
    assert counts.count() == 5 + 4
