"""Suggested answers by a tiny real model: the batch transform gives what a direct call gives."""

from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from models.seq2seq_config import BeamConfig, Seq2seqConfig
from models.vocabulary import Vocabulary
from pipelines.encoding import Feature, TextEncoder
from pipelines.io.model_files import ModelFiles, load_model, load_part, write_model
from pipelines.prediction import PREDICTION, PredictionConfig, add_predictions
from pipelines.prediction_json import prediction_json
from pipelines.replies import RESPONSES, add_replies, create_reply_predictor, read_response_set
from pipelines.seq2seq import DECODER, WritingRules, create_writer
from pipelines.suggestions import SuggestionsConfig
from pipelines.written_replies import add_written_replies
from tests.tiny_model import ANSWERS, ENCODER, build_tiny_model, build_tiny_replier

TEXTS = ["배송 언제", "네 가능", " ", "감사", None, "ㅋㅋ"]
CONFIG = SuggestionsConfig(count=2)
NOW = datetime(2026, 5, 1, 1, 0, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def reply_model(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    selector, encoder, responses = build_tiny_replier()
    path = tmp_path_factory.mktemp("model") / "reply"
    write_model(path, network=selector, encoder=encoder, documents={RESPONSES: responses.to_json()})
    return ModelFiles(str(path), "malgil-reply", "3")


def test_the_transform_suggests_what_a_direct_call_suggests(spark: SparkSession, reply_model: ModelFiles) -> None:
    rows = spark.createDataFrame([(i, text) for i, text in enumerate(TEXTS)], "id int, text string").coalesce(1)
    found = [row["replies"] for row in add_replies(rows, reply_model, CONFIG).orderBy("id").collect()]

    predictor = create_reply_predictor(load_model(reply_model), read_response_set(Path(reply_model.path)), CONFIG)
    assert found == predictor.suggest([text or "" for text in TEXTS])
    assert [replies[:1] for replies in found] == [["배송 언제 되나요?"], ["네 가능합니다"], [], ["감사합니다"], [], []]
    assert len(found[0]) == 2


@pytest.fixture(scope="module")
def writing_model(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    import keras
    import tensorflow as tf

    from models.seq2seq import build_network

    vocabulary = Vocabulary(tuple(sorted(set("▁".join(ANSWERS).replace(" ", "")))))
    encoder = TextEncoder((Feature("units", "spaced_characters", 12, vocabulary),), ())
    inputs = dict.fromkeys(("units", "reply_units"), encoder.inputs["units"])
    config = Seq2seqConfig(embedding_size=16, gru_units=32, dropout=0.0, word_dropout=0.0, own_share=0.0)
    network = build_network(inputs, classes=0, config=config)
    ids = dict.fromkeys(inputs, encoder.features[0].encode(ANSWERS))
    optimizer = keras.optimizers.Adam(0.02)

    @tf.function  # type: ignore[untyped-decorator]
    def learn() -> None:  # to say what was said
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(network.measure_rows(network(ids, training=True), None)[0])
        variables = network.trainable_variables
        optimizer.apply(tape.gradient(loss, [variable.value for variable in variables]), variables)

    for _ in range(80):
        learn()
    path = tmp_path_factory.mktemp("model") / "seq2seq"
    write_model(path, network=network.encoder, encoder=encoder, parts={DECODER: network.decoder})
    return ModelFiles(str(path), "malgil-seq2seq", "2")


def test_the_transform_writes_what_a_direct_call_writes(spark: SparkSession, writing_model: ModelFiles) -> None:
    rules = WritingRules(BeamConfig(), ("시발",), count=1)
    rows = spark.createDataFrame([(i, text) for i, text in enumerate(TEXTS)], "id int, text string").coalesce(1)
    found = [row["replies"] for row in add_written_replies(rows, writing_model, rules).orderBy("id").collect()]

    writer = create_writer(load_model(writing_model), load_part(writing_model, DECODER), rules)
    assert found == writer.suggest([text or "" for text in TEXTS])
    assert [len(replies) for replies in found[:5]] == [1, 1, 0, 1, 0]


def test_a_version_carries_the_words_that_it_suggests(reply_model: ModelFiles, tmp_path: Path) -> None:
    loaded = load_model(reply_model)
    assert loaded.encoder.intents == tuple(r.text for r in read_response_set(Path(reply_model.path)).responses)
    np.testing.assert_allclose(loaded.network(loaded.encoder.encode(["감사"])).numpy().sum(), 1, atol=1e-5)


def test_a_prediction_holds_suggested_answers_and_the_version_that_gave_them(
    spark: SparkSession, reply_model: ModelFiles, tmp_path: Path
) -> None:
    write_model(tmp_path / "intent", network=build_tiny_model(seed=1), encoder=ENCODER)
    intent_model = ModelFiles(str(tmp_path / "intent"), "malgil-intent", "7")
    rows = [("m1", "r1", None, NOW, "배송 언제"), ("m2", "r1", None, NOW, "ㅋㅋ")]
    messages = spark.createDataFrame(
        rows, "message_id string, room_id string, bot_id string, sent_at timestamp, text string"
    )
    suggested = add_replies(messages.coalesce(1), reply_model, CONFIG)
    predictions = add_predictions(
        suggested, intent_model, PredictionConfig(), predicted_at=NOW, reply_version=reply_model.version
    )
    assert predictions.dtypes == [(field.name, field.dataType.simpleString()) for field in PREDICTION]
    first, second = predictions.withColumn("json", prediction_json()).orderBy("message_id").collect()
    assert first["replies"][0] == "배송 언제 되나요?"
    assert second["replies"] == []
    versions = {"intent": "7", "reply": "3", "bot": None, "slots": None, "knowledge": None}
    assert first["models"].asDict() == second["models"].asDict() == versions
    assert '"replies":["배송 언제 되나요?",' in first["json"]
    assert predictions.where(F.col("intent").isNull()).count() == 0
