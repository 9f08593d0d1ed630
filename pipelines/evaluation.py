"""How good a model is on labelled messages: accuracy, macro F1, calibration, and what it confuses.

Spark counts; the numbers come from the counts. So a test split of any size costs the driver no more than one
row a pair of intents.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

CALIBRATION_BINS = 15  # as in Guo et al. (2017), "On Calibration of Modern Neural Networks"
NO_PREDICTION = "(none)"  # stands for an intent where the model gave none


@dataclass(frozen=True)
class IntentScore:
    """One intent of the test split; a ratio of nothing is 0."""

    intent: str
    support: int  # messages that carry this label
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Confusion:
    """How many messages of an intent were predicted as which; equal names are the right ones."""

    intent: str
    predicted: str
    count: int


@dataclass(frozen=True)
class CalibrationBin:
    """The messages whose confidence lies in (lower, upper]."""

    lower: float
    upper: float
    count: int
    confidence: float  # their mean confidence
    accuracy: float  # the share of them that is right


@dataclass(frozen=True)
class Evaluation:
    """A model's results on one set of labelled messages; it holds counts, never a message."""

    rows: int
    accuracy: float
    macro_f1: float  # the plain mean of F1 over the intents that the labels name
    calibration_error: float  # expected calibration error, in [0, 1]
    intents: tuple[IntentScore, ...]  # by name
    confusions: tuple[Confusion, ...]  # by intent, then the most frequent prediction first
    bins: tuple[CalibrationBin, ...]  # those that are not empty, by confidence

    @property
    def mistakes(self) -> tuple[Confusion, ...]:
        """The confusions that are errors, the most frequent first."""
        wrong = (confusion for confusion in self.confusions if confusion.intent != confusion.predicted)
        return tuple(sorted(wrong, key=lambda c: (-c.count, c.intent, c.predicted)))

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Evaluation":
        value = json.loads(text)
        lists = {
            "intents": tuple(IntentScore(**item) for item in value["intents"]),
            "confusions": tuple(Confusion(**item) for item in value["confusions"]),
            "bins": tuple(CalibrationBin(**item) for item in value["bins"]),
        }
        return cls(**{**value, **lists})


def evaluate_predictions(predictions: DataFrame) -> Evaluation:
    """Evaluate a model's `predicted` intent and its `confidence` against the label `intent`.

    Rows without a label are left out. An intent that the model does not know is predicted wrongly, whatever
    it says. One pass over the predictions; what comes to the driver is counts: at most intents² + 30 rows.
    """
    return evaluate_counts(row.asDict() for row in count_predictions(predictions).collect())


def count_predictions(predictions: DataFrame) -> DataFrame:
    """The counts behind an evaluation, from `intent`, `predicted` and `confidence`.

    A row either counts a pair (`intent`, `predicted`; `bin` is null), or a calibration bin's right or wrong
    messages (`bin`, `is_right`, their summed `confidence`; `intent` is null).
    """
    rows = predictions.where(F.col("intent").isNotNull()).select(
        "intent", F.coalesce("predicted", F.lit(NO_PREDICTION)).alias("predicted"), "confidence"
    )
    confidence = F.coalesce(F.col("confidence").cast("double"), F.lit(0.0))
    number = F.greatest(F.ceil(confidence * CALIBRATION_BINS), F.lit(1))  # (lower, upper], and 0 in the first
    counted = rows.withColumns(
        {
            "bin": F.least(number, F.lit(CALIBRATION_BINS)).cast("int"),
            "is_right": F.col("intent") == F.col("predicted"),
            "confidence": confidence,
        }
    )
    pairs, bins = ["intent", "predicted"], ["bin", "is_right"]
    grouped = counted.groupingSets([pairs, bins], *pairs, *bins)
    totals = grouped.agg(F.count("*").alias("count"), F.sum("confidence").alias("confidence"))
    return totals.select(*pairs, *bins, "count", "confidence")


def evaluate_counts(counts: Iterable[Mapping[str, Any]]) -> Evaluation:
    """The evaluation that these counts (see `count_predictions`) say."""
    pairs: Counter[tuple[str, str]] = Counter()
    bins: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for row in counts:
        if row["bin"] is None:
            pairs[row["intent"], row["predicted"]] += row["count"]
        else:
            bins[row["bin"]].append(row)
    scores = _score_intents(pairs)
    rows, calibration = pairs.total(), tuple(_calibration_bin(bin_, bins[bin_]) for bin_ in sorted(bins))
    return Evaluation(
        rows=rows,
        accuracy=_ratio(sum(pairs[score.intent, score.intent] for score in scores), rows),
        macro_f1=_ratio(sum(score.f1 for score in scores), len(scores)),
        calibration_error=_calibration_error(calibration),
        intents=scores,
        confusions=tuple(Confusion(*pair, count) for pair, count in sorted(pairs.items(), key=_reading_order)),
        bins=calibration,
    )


def _score_intents(pairs: Mapping[tuple[str, str], int]) -> tuple[IntentScore, ...]:
    support: Counter[str] = Counter()
    predicted: Counter[str] = Counter()
    for (intent, prediction), count in pairs.items():
        support[intent] += count
        predicted[prediction] += count
    return tuple(
        _score_intent(intent, right=pairs.get((intent, intent), 0), support=count, predicted=predicted[intent])
        for intent, count in sorted(support.items())
    )


def _score_intent(intent: str, *, right: int, support: int, predicted: int) -> IntentScore:
    precision, recall = _ratio(right, predicted), _ratio(right, support)
    f1 = _ratio(2 * right, support + predicted)
    return IntentScore(intent=intent, support=support, precision=precision, recall=recall, f1=f1)


def _calibration_bin(number: int, counts: Iterable[Mapping[str, Any]]) -> CalibrationBin:
    parts = list(counts)
    count = sum(part["count"] for part in parts)
    return CalibrationBin(
        lower=(number - 1) / CALIBRATION_BINS,
        upper=number / CALIBRATION_BINS,
        count=count,
        confidence=_ratio(sum(part["confidence"] for part in parts), count),
        accuracy=_ratio(sum(part["count"] for part in parts if part["is_right"]), count),
    )


def _calibration_error(bins: Iterable[CalibrationBin]) -> float:
    """Expected calibration error: the bins' gaps between confidence and accuracy, weighted by their messages.

    Naeini, Cooper and Hauskrecht (2015), "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    weighted = [(bin_.count, abs(bin_.accuracy - bin_.confidence)) for bin_ in bins]
    return _ratio(sum(count * gap for count, gap in weighted), sum(count for count, _ in weighted))


def _reading_order(item: tuple[tuple[str, str], int]) -> tuple[str, int, str]:
    (intent, predicted), count = item
    return intent, -count, predicted


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
