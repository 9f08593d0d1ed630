"""Evaluations of model versions in the store: each version is scored once on a snapshot's test split."""

import json

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.evaluation import Evaluation, evaluate_predictions
from pipelines.io.model_files import ModelFiles, read_manifest_sha256
from pipelines.io.snapshots import read_snapshot
from pipelines.io.store import Store, content_id
from pipelines.prediction import PredictionConfig, add_top_intents

_KIND = "evaluations"
_RULE = PredictionConfig()  # how many rows a call and how many intents a message has no say in the score


def evaluate_version(
    spark: SparkSession, store: Store, model: ModelFiles, snapshot: str, *, split: str = "test"
) -> Evaluation:
    """The version on a split of `snapshots/<snapshot>`: read from the store, or scored and kept there.

    The clean text is encoded by the model's own encoder, so models of any vocabulary meet the same messages.
    """
    other_split = [] if split == "test" else [split]
    output_id = content_id(model.name, read_manifest_sha256(model), snapshot, *other_split)
    if store.manifest(_KIND, output_id) is None:
        rows = read_snapshot(spark, store.url("snapshots", snapshot), split)
        evaluation = evaluate_predictions(_predict(rows, model))
        store.publish(_KIND, output_id, lambda _: json.loads(evaluation.to_json()))
    return Evaluation.from_json(json.dumps(store.manifest(_KIND, output_id)))


def _predict(rows: DataFrame, model: ModelFiles) -> DataFrame:
    best = F.get("top", F.lit(0))
    predicted = add_top_intents(rows.select("intent", "text"), model, _RULE)
    return predicted.select("intent", best["intent"].alias("predicted"), best["probability"].alias("confidence"))
