"""A model is promoted for what it does on the test messages, and a refusal says why with the numbers."""

import pytest

from pipelines.errors import MalgilError
from pipelines.evaluation import Evaluation, IntentScore
from pipelines.promotion import Metric, PromotionConfig, PromotionDecision, decide_promotion


def evaluation(
    accuracy: float, *, macro_f1: float = 0.8, calibration_error: float = 0.05, support: int = 100
) -> Evaluation:
    scores = (IntentScore("refund_request", support=support, precision=0.8, recall=0.8, f1=0.8),)
    return Evaluation(
        rows=support,
        accuracy=accuracy,
        macro_f1=macro_f1,
        calibration_error=calibration_error,
        intents=scores,
        confusions=(),
        bins=(),
    )


def promoted(reason: str) -> PromotionDecision:
    return PromotionDecision(promoted=True, reason=reason)


def refused(reason: str) -> PromotionDecision:
    return PromotionDecision(promoted=False, reason=reason)


def test_the_first_model_is_promoted() -> None:
    decision = decide_promotion(evaluation(0.31), None, PromotionConfig())

    assert decision == promoted("the first model, with accuracy 0.3100")


def test_a_better_model_is_promoted() -> None:
    decision = decide_promotion(evaluation(0.86), evaluation(0.85), PromotionConfig())

    assert decision == PromotionDecision(promoted=True, reason="accuracy 0.8600 is above the champion's 0.8500")


@pytest.mark.parametrize("accuracy", [0.85, 0.84])
def test_an_equal_or_worse_model_is_not_better(accuracy: float) -> None:
    decision = decide_promotion(evaluation(accuracy), evaluation(0.85), PromotionConfig())

    reason = f"accuracy {accuracy:.4f} is not above the champion's 0.8500"
    assert decision == refused(reason)


@pytest.mark.parametrize(("champion", "challenger"), [(0.84, 0.85), (0.14, 0.15)])
def test_a_gain_of_exactly_the_least_one_is_enough(champion: float, challenger: float) -> None:
    decision = decide_promotion(evaluation(challenger), evaluation(champion), PromotionConfig(min_gain=0.01))

    assert decision.promoted


def test_a_smaller_gain_is_not_enough() -> None:
    decision = decide_promotion(evaluation(0.855), evaluation(0.85), PromotionConfig(min_gain=0.01))

    reason = "accuracy 0.8550 is less than 0.0100 above the champion's 0.8500"
    assert decision == refused(reason)


def test_rare_intents_do_not_pay_for_accuracy() -> None:
    challenger, champion = evaluation(0.86, macro_f1=0.77), evaluation(0.85, macro_f1=0.80)

    decision = decide_promotion(challenger, champion, PromotionConfig())

    reason = "macro F1 0.7700 is more than 0.0100 below the champion's 0.8000"
    assert decision == refused(reason)


def test_the_metric_is_a_setting() -> None:
    challenger, champion = evaluation(0.84, macro_f1=0.81), evaluation(0.85, macro_f1=0.80)

    decision = decide_promotion(challenger, champion, PromotionConfig(metric=Metric.macro_f1))

    assert decision == PromotionDecision(promoted=True, reason="macro F1 0.8100 is above the champion's 0.8000")


@pytest.mark.parametrize("champion", [None, evaluation(0.5)])
def test_no_model_below_the_least_accuracy_is_promoted(champion: Evaluation | None) -> None:
    decision = decide_promotion(evaluation(0.69), champion, PromotionConfig(min_accuracy=0.7))

    assert decision == PromotionDecision(promoted=False, reason="accuracy 0.6900 is below the required 0.7000")


def test_no_model_above_the_largest_calibration_error_is_promoted() -> None:
    config = PromotionConfig(max_calibration_error=0.1)

    decision = decide_promotion(evaluation(0.9, calibration_error=0.12), evaluation(0.85), config)

    reason = "calibration error 0.1200 is above the allowed 0.1000"
    assert decision == refused(reason)


def test_a_version_that_was_rolled_back_is_not_promoted_by_itself() -> None:
    decision = decide_promotion(evaluation(0.9), evaluation(0.5), PromotionConfig(), "2026-05-01T00:00:00+00:00")
    assert decision == refused(
        "it was rolled back at 2026-05-01T00:00:00+00:00; stage_model and swap_slots bring it back"
    )


def test_models_evaluated_on_different_messages_are_not_compared() -> None:
    with pytest.raises(MalgilError, match="on the same test messages, received 100 and 99 rows"):
        decide_promotion(evaluation(0.86), evaluation(0.85, support=99), PromotionConfig())
