"""Predictions by a tiny real model: the batch transform gives what a direct call gives."""

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

from models.encoders.cnn import CnnConfig
from models.network import build_network, with_probabilities
from models.network_config import NetworkConfig
from models.vocabulary import Vocabulary
from pipelines.bot_predictions import PROBABILITY_DIGITS
from pipelines.encoding import Feature, TextEncoder
from pipelines.example_predictions import add_probabilities
from pipelines.io.model_files import ModelFiles, load_model, write_model
from pipelines.prediction import (
    PREDICTION,
    PredictionConfig,
    add_predictions,
    create_predictor,
)
from pipelines.prediction_json import prediction_json

NOW = datetime(2026, 5, 1, 1, 0, tzinfo=timezone.utc)
SENT = datetime(2026, 5, 1, 0, 0, tzinfo=timezone.utc)
CONFIG = PredictionConfig(batch_rows=4, top_k=2, out_of_scope_threshold=0.0)
INTENTS = ("배송_조회", "주문_취소", "환불")
TEXTS = ["배송 언제 와요", "주문 취소해 주세요", "환불", "ㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋㅋ", "네"]
A_DIGIT = 1.5 * 10**-PROBABILITY_DIGITS  # what lies between two roundings goes to either, by the batch's shape
MESSAGES = "message_id string, room_id string, bot_id string, sent_at timestamp, text string"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    syllables = Feature("syllables", "characters", 12, Vocabulary(tuple("배송주문취소환불언제요")))
    tail = Feature("tail", "characters", 6, Vocabulary(tuple("요네")))
    encoder = TextEncoder((syllables, tail), INTENTS, scope_threshold=0.3)
    config = NetworkConfig(embedding_size=8, cnn=CnnConfig(filters=8), seed=1)
    network = with_probabilities(build_network(encoder.inputs, classes=len(INTENTS), config=config))
    network.set_weights([weight * 20 for weight in network.get_weights()])  # far from even probabilities
    path = tmp_path_factory.mktemp("model") / "intent"
    write_model(path, network=network, encoder=encoder)
    return ModelFiles(str(path), "malgil-intent", "7")


def _predict(spark: SparkSession, model: ModelFiles, texts: list[Any], config: PredictionConfig) -> list[Any]:
    rows = [(f"m{i}", "방1", None, SENT, text) for i, text in enumerate(texts)]
    messages = spark.createDataFrame(rows, MESSAGES).coalesce(1)
    return add_predictions(messages, model, config, predicted_at=NOW).collect()


def test_the_transform_predicts_what_a_direct_call_predicts(spark: SparkSession, model: ModelFiles) -> None:
    rows = _predict(spark, model, TEXTS, CONFIG)

    classes, probabilities, *_ = create_predictor(load_model(model), CONFIG).predict_top(TEXTS)
    assert [[tuple(entry) for entry in row.top] for row in rows] == [
        [(INTENTS[i], pytest.approx(p, abs=A_DIGIT)) for i, p in zip(*best, strict=True)]
        for best in zip(classes, probabilities, strict=True)
    ]
    assert len({row.intent for row in rows}) > 1  # else the comparison says little


def test_a_message_is_predicted_the_same_alone_and_among_others(spark: SparkSession, model: ModelFiles) -> None:
    among = _predict(spark, model, TEXTS * 3, CONFIG)[2]
    (alone,) = _predict(spark, model, TEXTS[2:3], CONFIG)
    assert [entry.intent for entry in among.top] == [entry.intent for entry in alone.top]
    assert among.confidence == pytest.approx(alone.confidence, abs=A_DIGIT)


def test_a_prediction_follows_the_contract(spark: SparkSession, model: ModelFiles) -> None:
    rows = [("m1", "방1", "shop", SENT, TEXTS[0])]
    predictions = add_predictions(spark.createDataFrame(rows, MESSAGES), model, CONFIG, predicted_at=NOW)

    (row,) = predictions.collect()
    best, second = row.top
    assert predictions.dtypes == [(field.name, field.dataType.simpleString()) for field in PREDICTION]
    assert row.asDict(recursive=True) == {
        "message_id": "m1",
        "room_id": "방1",
        "bot_id": "shop",
        "intent": best.intent,
        "confidence": best.probability,
        "top": [best.asDict(), second.asDict()],
        "labels": {},
        "is_out_of_scope": False,
        "replies": [],
        "slots": [],
        "answers": [],
        "models": {"intent": "7", "reply": None, "bot": None, "slots": None, "knowledge": None},
        "sent_at": SENT.astimezone().replace(tzinfo=None),
        "predicted_at": NOW.astimezone().replace(tzinfo=None),
    }
    assert best.probability > second.probability


def test_a_message_without_text_has_no_intent(spark: SparkSession, model: ModelFiles) -> None:
    rows = _predict(spark, model, [None, TEXTS[0], "  ", TEXTS[1], ""], CONFIG)
    expected = [row.intent for row in _predict(spark, model, TEXTS[:2], CONFIG)]
    seen = [(row.intent, row.confidence is None, len(row.top), row.is_out_of_scope) for row in rows]
    nothing = (None, True, 0, True)
    assert seen == [nothing, (expected[0], False, 2, False), nothing, (expected[1], False, 2, False), nothing]


def test_messages_without_any_text_are_predicted(spark: SparkSession, model: ModelFiles) -> None:
    assert [row.top for row in _predict(spark, model, [None, ""], CONFIG)] == [[], []]


def test_models_of_further_tasks_add_their_labels(spark: SparkSession, model: ModelFiles) -> None:
    rows = [(f"m{i}", None, None, None, text) for i, text in enumerate([TEXTS[0], None, TEXTS[1]])]
    messages = spark.createDataFrame(rows, MESSAGES).coalesce(1)
    labellers = {"sentiment": model, "complaint": model}
    found = add_predictions(messages, model, CONFIG, predicted_at=NOW, labellers=labellers).collect()
    expected = [(row.intent, row.confidence) for row in found]
    assert [{task: tuple(label) for task, label in row.labels.items()} for row in found] == [
        {"complaint": expected[0], "sentiment": expected[0]},
        {},
        {"complaint": expected[2], "sentiment": expected[2]},
    ]


def test_what_scores_below_the_versions_threshold_is_out_of_scope(spark: SparkSession, model: ModelFiles) -> None:
    rows = _predict(spark, model, [None, *TEXTS], PredictionConfig(batch_rows=4))
    found = create_predictor(load_model(model), PredictionConfig()).predict_top(TEXTS).is_out_of_scope
    assert [row.is_out_of_scope for row in rows] == [True, *found]
    assert {True, False} == set(found)


def test_a_threshold_that_is_set_holds_instead_of_the_versions(spark: SparkSession, model: ModelFiles) -> None:
    rows = _predict(spark, model, TEXTS, PredictionConfig(out_of_scope_threshold=1.1, top_k=99))
    assert {(row.is_out_of_scope, len(row.top)) for row in rows} == {(True, 3)}


def test_probabilities_of_encoded_examples_are_the_networks(spark: SparkSession, model: ModelFiles) -> None:
    loaded = load_model(model)
    encoded = loaded.encoder.encode(TEXTS)
    rows = [(i, *(encoded[name][i].tolist() for name in ("syllables", "tail"))) for i in range(len(TEXTS))]
    examples = spark.createDataFrame(rows, "label int, syllables array<int>, tail array<int>").coalesce(1)

    found = add_probabilities(examples, model, CONFIG)

    assert found.columns == ["label", "probabilities"]
    assert [row.label for row in found.collect()] == list(range(len(TEXTS)))
    probabilities = np.array([row.probabilities for row in found.collect()])
    np.testing.assert_allclose(probabilities, loaded.network.predict(encoded, verbose=0), atol=1e-6)


def test_ids_of_another_length_are_refused(spark: SparkSession, model: ModelFiles) -> None:
    examples = spark.createDataFrame([([1, 2], [3])], "syllables array<int>, tail array<int>")
    with pytest.raises(PythonException, match=r"column syllables: expected 12 ids a row .* received 2 in 1 rows"):
        add_probabilities(examples, model, CONFIG).collect()


def test_a_changed_model_file_is_refused(spark: SparkSession, model: ModelFiles, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    loaded = load_model(model)
    write_model(changed, network=loaded.network, encoder=loaded.encoder)
    (changed / "encoder.json").write_text(loaded.encoder.to_json().replace("환불", "불환"), encoding="utf8")
    with pytest.raises(PythonException, match=r"encoder\.json has SHA-256"):
        _predict(spark, ModelFiles(str(changed), "malgil-intent", "8"), TEXTS, CONFIG)


@pytest.mark.parametrize("zone", ["Asia/Seoul", "America/New_York"])
def test_the_json_is_the_contracts(spark: SparkSession, zone: str) -> None:
    row = (
        "m1",
        None,
        "b",
        "환불",
        0.9,
        [("환불", 0.9), ('"\\', 1e-06)],
        {"sentiment": ("positive", 0.25), '"\\': ("x", 1.0)},
        False,
        ["네"],
        [("date", '"내일', 0, 3)],
        [('"답"', None, 0.5)],
        ("3", None, "2", None, "kb-1"),
        SENT,
        NOW,
    )
    before = str(spark.conf.get("spark.sql.session.timeZone"))
    predictions = spark.createDataFrame([row], PREDICTION)
    spark.conf.set("spark.sql.session.timeZone", zone)
    try:
        text = predictions.select(prediction_json().alias("json")).collect()[0].json
    finally:
        spark.conf.set("spark.sql.session.timeZone", before)
    assert text == (
        '{"message_id":"m1","room_id":null,"bot_id":"b","intent":"환불","confidence":0.9,'
        '"top":[["환불",0.9],["\\"\\\\",1.0E-6]],"labels":{"sentiment":["positive",0.25],"\\"\\\\":["x",1.0]},'
        '"is_out_of_scope":false,"replies":["네"],'
        '"slots":[{"slot":"date","text":"\\"내일","start":0,"end":3}],'
        '"answers":[{"text":"\\"답\\"","source":null,"score":0.5}],'
        '"models":{"intent":"3","reply":null,"bot":"2","slots":null,"knowledge":"kb-1"},'
        '"sent_at":"2026-05-01T00:00:00.000000Z",'
        '"predicted_at":"2026-05-01T01:00:00.000000Z"}'
    )
