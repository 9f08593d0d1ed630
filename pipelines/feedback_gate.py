"""Whether a model that learned from feedback replaces the champion, and whether the feedback is to be trusted.

A gain on the corrections themselves proves little: where they are wrong, so are those that judge. What wrong ones
cannot be is consistent: with a share of flipped labels no model gets more than the rest of the held-out ones right.
"""

import math
from dataclasses import dataclass

from pipelines.evaluation import Evaluation
from pipelines.feedback import FeedbackConfig
from pipelines.promotion import PromotionConfig, PromotionDecision, find_low_value, find_macro_f1_loss

_Z = 1.645  # of the normal distribution: one-sided 95 %
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Scores:
    """The challenger's and the champion's evaluation on the same messages."""

    challenger: Evaluation
    champion: Evaluation


@dataclass(frozen=True)
class FeedbackDecision:
    """The decision, and what it says of the corrections."""

    decision: PromotionDecision
    is_trusted: bool  # whether they may be learned again


def decide_feedback_promotion(
    test: Scores, held_out: Scores, config: FeedbackConfig, promotion: PromotionConfig
) -> FeedbackDecision:
    """Decide on the old test messages and on the corrections that were held out.

    The corrections are trusted where they are consistent and the old messages do not suffer: only so the model is
    promoted, if it also gets more of them right than the champion.
    """
    if fault := find_inconsistency(held_out.challenger, config) or _find_harm(test, config, promotion):
        return _refuse(fault, is_trusted=False)
    new, old = held_out.challenger.accuracy, held_out.champion.accuracy
    gain = "is above" if new > old else "is not above"
    reason = f"accuracy {new:.4f} on held-out corrections {gain} the champion's {old:.4f}"
    if fault := find_low_value(test.challenger, promotion) or (None if new > old else reason):
        return _refuse(fault, is_trusted=True)
    change = f"on the old test {test.challenger.accuracy:.4f} after {test.champion.accuracy:.4f}"
    return FeedbackDecision(PromotionDecision(promoted=True, reason=f"{reason}; {change}"), is_trusted=True)


def find_inconsistency(held_out: Evaluation, config: FeedbackConfig) -> str | None:
    """Why the corrections contradict each other, by a model that learned them; None where they do not.

    Takes the lower end of the share's 95 % interval: of few corrections more must be right.
    """
    sure = lower_bound(held_out.accuracy, held_out.rows)
    if sure >= config.min_consistency:
        return None
    return (
        f"the corrections are not consistent: of {held_out.rows} held-out ones a share of {held_out.accuracy:.2f} is "
        f"predicted as corrected, surely {sure:.2f}; expected {config.min_consistency:.2f}"
    )


def can_be_judged(held_out_rows: int, config: FeedbackConfig) -> bool:
    """Whether so many held-out corrections could prove that they are consistent, were all of them right."""
    return lower_bound(1.0, held_out_rows) >= config.min_consistency


def lower_bound(share: float, rows: int) -> float:
    """The least share that is to be believed with 95 % confidence after `rows` trials; 0 after none.

    Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if not rows:
        return 0.0
    square = _Z * _Z / rows
    spread = _Z * math.sqrt(share * (1 - share) / rows + square / (4 * rows))
    return max(0.0, (share + square / 2 - spread) / (1 + square))


def _find_harm(test: Scores, config: FeedbackConfig, promotion: PromotionConfig) -> str | None:
    """Why the old test messages suffer; None where they do not."""
    drop = test.champion.accuracy - test.challenger.accuracy
    if drop > config.max_accuracy_drop + _ROUNDING:
        return (
            f"accuracy {test.challenger.accuracy:.4f} on the old test is more than {config.max_accuracy_drop:.4f} "
            f"below the champion's {test.champion.accuracy:.4f}"
        )
    return find_macro_f1_loss(test.challenger, test.champion, promotion)


def _refuse(reason: str, *, is_trusted: bool) -> FeedbackDecision:
    return FeedbackDecision(PromotionDecision(promoted=False, reason=reason), is_trusted)
