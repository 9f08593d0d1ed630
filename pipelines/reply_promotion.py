"""Whether a reply model may suggest answers to users."""

from dataclasses import dataclass

from models.ranking import RankingScore
from pipelines.promotion import PromotionDecision


@dataclass(frozen=True)
class ReplyPromotionConfig:
    """The rule, by recall at 3 in 100 candidates of the test split."""

    min_recall_at_3: float = 0.3  # below which no model suggests
    max_drop: float = 0.02  # how far it may lie below the champion's own, which was measured when that was trained


def decide_reply_promotion(
    score: RankingScore, champion_recall_at_3: float | None, config: ReplyPromotionConfig
) -> PromotionDecision:
    """The decision and its reason. Without a champion only the first limit holds."""
    recall = score.recall_at_3
    if recall < config.min_recall_at_3:
        return PromotionDecision(
            promoted=False, reason=f"recall at 3 is {recall:.4f}, expected {config.min_recall_at_3} or more"
        )
    if champion_recall_at_3 is not None and recall < champion_recall_at_3 - config.max_drop:
        return PromotionDecision(
            promoted=False, reason=f"recall at 3 is {recall:.4f}, the champion's was {champion_recall_at_3:.4f}"
        )
    return PromotionDecision(promoted=True, reason=f"recall at 3 is {recall:.4f}")
