"""Traits of predictions: the same, whether a model's messages, written predictions or a stream are counted."""

from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from pipelines.io.model_files import ModelFiles, load_model, version_id, write_model
from pipelines.io.profiles import profile_version, read_profile
from pipelines.io.store import Store, StoreConfig
from pipelines.live_counts import count_outcomes, find_profile
from pipelines.live_models import LiveModel, LiveModels
from pipelines.live_prediction import CleanMessage, Outcomes, predict_clean
from pipelines.prediction import PredictionConfig, add_predictions, create_predictor
from pipelines.traits import UNKNOWN_TOKENS, Profile, collect_profile, count_predictions_traits
from tests.tiny_model import ENCODER, INTENTS, build_tiny_model

NOW = datetime(2026, 5, 1, 1, 0, tzinfo=timezone.utc)
TEXTS = ["배송 언제 와요", "주문 취소해 주세요", "환불", "안녕하세요", "요", "네", "ㅋㅋ 뭐라고", "배송주문취소"] * 3
EMPTY = {"room_id": "방1", "bot_id": None, "sent_at": None, "sent_us": None}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    path = tmp_path_factory.mktemp("model") / "intent"
    write_model(path, network=build_tiny_model(seed=1), encoder=ENCODER)
    return ModelFiles(str(path), "malgil-intent", "7")


@pytest.fixture(scope="module")
def reference(spark: SparkSession, model: ModelFiles, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """Of the texts as a snapshot's test split."""
    store = Store(StoreConfig(root=str(tmp_path_factory.mktemp("store"))))
    rows = spark.createDataFrame([(text,) for text in TEXTS], "text string")
    rows.repartition(2).write.parquet(store.url("snapshots", "5eed", "test"))
    profile_version(spark, store, model, "5eed")
    found = read_profile(store, version_id(model))
    assert found is not None
    assert store.origin("profiles", version_id(model))["made_from"]["snapshots"] == "5eed"
    return found


def test_every_prediction_is_in_one_bin_of_each_trait(reference: Profile) -> None:
    assert {trait: bins.total() for trait, bins in reference.items()} == dict.fromkeys(reference, len(TEXTS))
    assert reference.keys() == {"intent", "confidence", "unknown_tokens", "out_of_scope"}
    assert len(reference["intent"]) > 1
    assert len(reference["unknown_tokens"]) > 1
    assert reference["intent"].keys() <= {*INTENTS}


def test_a_stream_counts_the_same(model: ModelFiles, reference: Profile) -> None:
    live = LiveModel(create_predictor(load_model(model), PredictionConfig()), model.name, model.version)
    messages = [CleanMessage({**EMPTY, "message_id": str(i)}, text) for i, text in enumerate([*TEXTS, " "])]
    outcomes = Outcomes(predict_clean(messages, LiveModels(live, None, 0.0)), [], 0)
    assert find_profile(count_outcomes(outcomes, repeated=0), "7") == reference
    assert find_profile(count_outcomes(outcomes, repeated=0), "8") == {trait: Counter() for trait in reference}


def test_written_predictions_count_the_same_but_for_unknown_tokens(
    spark: SparkSession, model: ModelFiles, reference: Profile
) -> None:
    rows = [(str(i), "방1", None, NOW, text) for i, text in enumerate([*TEXTS, " "])]
    messages = spark.createDataFrame(
        rows, "message_id string, room_id string, bot_id string, sent_at timestamp, text string"
    )
    predictions = add_predictions(messages, model, PredictionConfig(), predicted_at=NOW)
    found = collect_profile(count_predictions_traits(predictions).collect())
    assert found == {trait: bins for trait, bins in reference.items() if trait != UNKNOWN_TOKENS}


def test_a_profile_that_stands_is_not_made_again(spark: SparkSession, model: ModelFiles, tmp_path: Path) -> None:
    store = Store(StoreConfig(root=str(tmp_path)))
    store.publish("profiles", version_id(model), lambda _: {"traits": {"intent": {"refund": 3}}})
    profile_version(spark, store, model, "nowhere")
    assert read_profile(store, version_id(model)) == {"intent": Counter(refund=3)}
    assert read_profile(store, "another") is None
