"""Whether a model may find slots for users."""

from dataclasses import dataclass

from pipelines.promotion import PromotionDecision


@dataclass(frozen=True)
class SlotPromotionConfig:
    """The rule, by the entity F1 of the test split."""

    min_f1: float = 0.6  # below which no model finds slots
    max_drop: float = 0.01  # how far it may lie below the champion's own, which was measured when that was trained


def decide_slot_promotion(f1: float, champion_f1: float | None, config: SlotPromotionConfig) -> PromotionDecision:
    """The decision and its reason. Without a champion only the first limit holds."""
    if f1 < config.min_f1:
        return PromotionDecision(promoted=False, reason=f"entity F1 is {f1:.4f}, expected {config.min_f1} or more")
    if champion_f1 is not None and f1 < champion_f1 - config.max_drop:
        return PromotionDecision(promoted=False, reason=f"entity F1 is {f1:.4f}, the champion's was {champion_f1:.4f}")
    return PromotionDecision(promoted=True, reason=f"entity F1 is {f1:.4f}")
