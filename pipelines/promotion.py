"""Whether a new model replaces the one that predicts for users: by what it does on the same test messages."""

from dataclasses import dataclass
from enum import Enum

from pipelines.errors import MalgilError
from pipelines.evaluation import Evaluation

_ROUNDING = 1e-9  # 0.15 - 0.14 is a little less than 0.01 in floating point


class Metric(Enum):
    """A number of an evaluation that is better when it is higher."""

    accuracy = "accuracy"
    macro_f1 = "macro_f1"

    @property
    def label(self) -> str:
        """Its name in a sentence."""
        return "accuracy" if self is Metric.accuracy else "macro F1"


@dataclass(frozen=True)
class PromotionConfig:
    """The rule. The two limits hold for a first model too, which has no champion to beat."""

    min_accuracy: float = 0.0  # test accuracy below which no model predicts for users
    max_calibration_error: float = 1.0  # expected calibration error above which none does; 1 allows any
    metric: Metric = Metric.accuracy  # what the challenger must do better: accuracy or macro_f1
    min_gain: float = 0.0  # how much better, at least; 0: any gain, but an equal model is not better
    max_macro_f1_drop: float = 0.01  # how far macro F1 may fall, so that rare intents do not pay for the others


@dataclass(frozen=True)
class PromotionDecision:
    """Whether the challenger becomes the champion, and why, in one line with the numbers."""

    promoted: bool
    reason: str


def decide_promotion(
    challenger: Evaluation, champion: Evaluation | None, config: PromotionConfig, rolled_back_at: str | None = None
) -> PromotionDecision:
    """Decide by the rule in settings, on both models' evaluations on the same messages.

    A challenger that was champion and was rolled back by hand is not promoted by itself again, whatever its numbers.
    Raises MalgilError when the two were evaluated on different messages.
    """
    refusal = find_low_value(challenger, config)
    if rolled_back_at:
        refusal = f"it was rolled back at {rolled_back_at}; stage_model and swap_slots bring it back"
    if refusal is None and champion is not None:
        _check_same_messages(challenger, champion)
        refusal = _not_better(challenger, champion, config)
    if refusal is not None:
        return PromotionDecision(promoted=False, reason=refusal)
    return PromotionDecision(promoted=True, reason=_praise(challenger, champion, config))


def find_low_value(challenger: Evaluation, config: PromotionConfig) -> str | None:
    """Why the challenger is below the limits that every model must keep; None where it is not."""
    if challenger.accuracy < config.min_accuracy:
        return f"accuracy {challenger.accuracy:.4f} is below the required {config.min_accuracy:.4f}"
    if challenger.calibration_error > config.max_calibration_error:
        allowed = config.max_calibration_error
        return f"calibration error {challenger.calibration_error:.4f} is above the allowed {allowed:.4f}"
    return None


def _not_better(challenger: Evaluation, champion: Evaluation, config: PromotionConfig) -> str | None:
    name, new, old = config.metric.label, _value(challenger, config.metric), _value(champion, config.metric)
    if new <= old:
        return f"{name} {new:.4f} is not above the champion's {old:.4f}"
    if new - old < config.min_gain - _ROUNDING:
        return f"{name} {new:.4f} is less than {config.min_gain:.4f} above the champion's {old:.4f}"
    return find_macro_f1_loss(challenger, champion, config)


def find_macro_f1_loss(challenger: Evaluation, champion: Evaluation, config: PromotionConfig) -> str | None:
    """Why rare intents would pay for the others; None where they do not."""
    drop, limit = champion.macro_f1 - challenger.macro_f1, config.max_macro_f1_drop
    if drop > limit + _ROUNDING:
        f1 = f"{challenger.macro_f1:.4f}"
        return f"macro F1 {f1} is more than {limit:.4f} below the champion's {champion.macro_f1:.4f}"
    return None


def _praise(challenger: Evaluation, champion: Evaluation | None, config: PromotionConfig) -> str:
    name, new = config.metric.label, _value(challenger, config.metric)
    if champion is None:
        return f"the first model, with {name} {new:.4f}"
    return f"{name} {new:.4f} is above the champion's {_value(champion, config.metric):.4f}"


def _check_same_messages(challenger: Evaluation, champion: Evaluation) -> None:
    if _support(challenger) != _support(champion):
        raise MalgilError(
            f"promotion: expected both models on the same test messages, received {challenger.rows} and "
            f"{champion.rows} rows of other intents; evaluate the champion on this snapshot again"
        )


def _support(evaluation: Evaluation) -> dict[str, int]:
    return {score.intent: score.support for score in evaluation.intents}


def _value(evaluation: Evaluation, metric: Metric) -> float:
    return evaluation.accuracy if metric is Metric.accuracy else evaluation.macro_f1
