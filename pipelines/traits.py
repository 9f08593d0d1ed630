"""What drift is looked for in: four traits of each prediction in bins, and how often each bin came.

Counted in the tasks of a stream or a batch, so a profile is some hundred numbers whatever it is a profile of.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pipelines.bot_predictions import BotTops
from pipelines.io.model_files import ModelFiles
from pipelines.io.shared_model import SharedModel, share_model
from pipelines.prediction import PredictionConfig, TopIntents, shared_predictor

INTENT, CONFIDENCE, UNKNOWN_TOKENS, OUT_OF_SCOPE = "intent", "confidence", "unknown_tokens", "out_of_scope"
TRAITS = (INTENT, CONFIDENCE, UNKNOWN_TOKENS, OUT_OF_SCOPE)
Profile = dict[str, Counter[str]]  # by trait: how many predictions are in each bin
_CONFIDENCE_BINS = 20
_UNKNOWN_BOUNDS = (0.0, 0.1, 0.25, 0.5)  # upper ones of the share of unknown tokens; the last bin is above
_CONFIG = PredictionConfig()


class Traits(NamedTuple):
    """One prediction's. Bins are numbers from 0."""

    intent: str
    confidence: int  # bin of its probability
    unknown_tokens: int  # bin of the share of tokens that the model has not met in training
    is_out_of_scope: bool


def describe_traits(found: TopIntents | BotTops, intents: Sequence[str]) -> list[Traits]:
    """Each prediction's, in order."""
    confidence = (found.probabilities[:, 0] * _CONFIDENCE_BINS).astype(int).clip(0, _CONFIDENCE_BINS - 1)
    unknown = np.searchsorted(_UNKNOWN_BOUNDS, (1 - found.known_share).round(6))
    names = [intents[place] for place in found.classes[:, 0].tolist()]
    return [*map(Traits, names, confidence.tolist(), unknown.tolist(), found.is_out_of_scope.tolist())]


def count_traits(traits: Iterable[Traits]) -> Counter[tuple[str, str]]:
    """How often each trait is in each bin, by the names of both. Names of bins sort as the bins do."""
    counts: Counter[tuple[str, str]] = Counter()
    for one, count in Counter(traits).items():  # far fewer than there are predictions
        counts[INTENT, one.intent] += count
        counts[CONFIDENCE, f"{one.confidence:02}"] += count
        counts[UNKNOWN_TOKENS, f"{one.unknown_tokens}"] += count
        counts[OUT_OF_SCOPE, f"{int(one.is_out_of_scope)}"] += count
    return counts


def count_messages_traits(messages: DataFrame, model: ModelFiles) -> DataFrame:
    """The traits of the model's predictions for clean `text`s: `trait`, `bin` and `count`."""
    shared = share_model(messages.sparkSession, model)
    counts = messages.select("text").mapInArrow(partial(_count_texts, shared), "trait string, bin string, count long")
    return counts.groupBy("trait", "bin").agg(F.sum("count").alias("count"))


def count_predictions_traits(predictions: DataFrame) -> DataFrame:
    """The same of predictions that were written (prediction.PREDICTION), which do not tell of unknown tokens.

    Those by bots' heads are left out: they have intents of their own.
    """
    number = F.least(F.floor(F.col("confidence") * _CONFIDENCE_BINS), F.lit(_CONFIDENCE_BINS - 1))
    bins = {
        INTENT: F.col("intent"),
        CONFIDENCE: F.lpad(number.cast("string"), 2, "0"),
        OUT_OF_SCOPE: F.col("is_out_of_scope").cast("int").cast("string"),
    }
    traits = F.array(*(F.struct(F.lit(trait).alias("trait"), bin_.alias("bin")) for trait, bin_ in bins.items()))
    by_model = predictions.where(F.col("intent").isNotNull() & F.col("models.bot").isNull())
    return by_model.select(F.inline(traits)).groupBy("trait", "bin").agg(F.count("*").alias("count"))


def collect_profile(counts: Iterable[tuple[Any, ...]]) -> Profile:
    """The profile of rows of a trait, a bin and a count."""
    profile: Profile = {}
    for trait, bin_, count in counts:
        profile.setdefault(trait, Counter())[bin_] += count
    return profile


def _count_texts(shared: SharedModel, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    predictor = shared_predictor(shared, _CONFIG)
    for batch in batches:
        texts = [text for text in batch.column("text").to_pylist() if text and text.strip()]
        counts = count_traits(describe_traits(predictor.predict_top(texts), predictor.encoder.intents))
        rows = [{"trait": trait, "bin": bin_, "count": count} for (trait, bin_), count in counts.items()]
        yield pa.RecordBatch.from_pylist(
            rows, pa.schema([("trait", pa.string()), ("bin", pa.string()), ("count", pa.int64())])
        )
