"""What learned from corrections is promoted where they are consistent, bring something, and cost little."""

from math import comb

import pytest

from pipelines.evaluation import Evaluation
from pipelines.feedback import FeedbackConfig
from pipelines.feedback_gate import FeedbackDecision, Scores, can_be_judged, decide_feedback_promotion, lower_bound
from pipelines.promotion import PromotionConfig

OLD = 1_000  # test messages


def evaluation(accuracy: float, *, rows: int = OLD, macro_f1: float = 0.8) -> Evaluation:
    return Evaluation(rows, accuracy, macro_f1, calibration_error=0.05, intents=(), confusions=(), bins=())


def decide(
    test: Evaluation, held_out: Evaluation, *, before: float = 0.1, promotion: PromotionConfig | None = None
) -> FeedbackDecision:
    return decide_feedback_promotion(
        Scores(test, evaluation(0.85)),
        Scores(held_out, evaluation(before, rows=held_out.rows)),
        FeedbackConfig(),
        promotion or PromotionConfig(),
    )


def test_consistent_corrections_that_bring_something_are_promoted() -> None:
    decided = decide(evaluation(0.846), evaluation(0.95, rows=60))

    assert decided.decision.promoted
    assert decided.is_trusted
    assert decided.decision.reason == (
        "accuracy 0.9500 on held-out corrections is above the champion's 0.1000; on the old test 0.8460 after 0.8500"
    )


@pytest.mark.parametrize("rows", [0, 5, 60, 1_000])
def test_a_burst_with_flipped_labels_is_refused_however_much_it_gains(rows: int) -> None:
    decided = decide(evaluation(0.86), evaluation(0.7, rows=rows))

    assert not decided.decision.promoted
    assert not decided.is_trusted
    assert decided.decision.reason.startswith(f"the corrections are not consistent: of {rows} held-out ones")


def test_corrections_that_cost_old_messages_are_refused() -> None:
    decided = decide(evaluation(0.844), evaluation(0.95, rows=60))

    assert not decided.is_trusted
    assert decided.decision.reason == (
        "accuracy 0.8440 on the old test is more than 0.0050 below the champion's 0.8500"
    )


def test_a_fall_of_exactly_the_limit_is_allowed() -> None:
    assert decide(evaluation(0.845), evaluation(0.95, rows=60)).decision.promoted


def test_corrections_that_cost_rare_intents_are_refused() -> None:
    decided = decide(evaluation(0.85, macro_f1=0.78), evaluation(0.95, rows=60))

    assert not decided.is_trusted
    assert decided.decision.reason.startswith("macro F1 0.7800 is more than 0.0100 below")


def test_corrections_that_the_champion_predicts_already_are_trusted_but_change_nothing() -> None:
    decided = decide(evaluation(0.85), evaluation(0.95, rows=60), before=0.95)

    assert (decided.decision.promoted, decided.is_trusted) == (False, True)
    assert decided.decision.reason == "accuracy 0.9500 on held-out corrections is not above the champion's 0.9500"


def test_no_model_below_the_floor_is_promoted() -> None:
    decided = decide(evaluation(0.85), evaluation(0.95, rows=60), promotion=PromotionConfig(min_accuracy=0.9))

    assert (decided.decision.promoted, decided.is_trusted) == (False, True)
    assert decided.decision.reason == "accuracy 0.8500 is below the required 0.9000"


@pytest.mark.parametrize(("rows", "poisoned", "good"), [(30, 0.01, 0.93), (60, 0.006, 0.99), (150, 0.004, 0.99)])
def test_luck_hardly_helps_a_flipped_burst_and_hardly_harms_a_good_one(rows: int, poisoned: float, good: float) -> None:
    assert chance_to_pass(0.7, rows) < poisoned
    assert chance_to_pass(0.95, rows) > good


def chance_to_pass(share: float, rows: int) -> float:
    """Of corrections of which a model gets this share right."""
    enough = [right for right in range(rows + 1) if lower_bound(right / rows, rows) >= FeedbackConfig().min_consistency]
    return sum(comb(rows, right) * share**right * (1 - share) ** (rows - right) for right in enough)


def test_a_handful_proves_nothing() -> None:
    assert [can_be_judged(rows, FeedbackConfig()) for rows in (0, 8, 9, 100)] == [False, False, True, True]


def test_fewer_rows_prove_less() -> None:
    bounds = [lower_bound(0.9, rows) for rows in (0, 10, 100, 10_000)]

    assert bounds == sorted(bounds)
    assert bounds == pytest.approx([0.0, 0.652, 0.840, 0.895], abs=0.001)
