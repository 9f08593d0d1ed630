"""Marked slots from raw rows to a snapshot, and slots of a model in predictions: in a batch as live."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession

from models.tagger import build_network
from models.tagger_config import TAGS, TaggerConfig
from pipelines.cleaning import CleaningConfig, clean_messages
from pipelines.feed import read_facts
from pipelines.fixed_vectors import VectorsConfig, set_vectors
from pipelines.io.messages import publish_clean_messages, read_clean_messages
from pipelines.io.model_files import LoadedModel, ModelFiles, write_model
from pipelines.io.raw_messages import ColumnsConfig, InputConfig, read_raw_messages
from pipelines.io.snapshots import read_encoder, read_snapshot
from pipelines.io.store import Manifest, Store, StoreConfig
from pipelines.io.tagged_snapshots import KIND, publish_tagged, read_held_out
from pipelines.live_models import LiveModel, LiveModels, LiveTagger
from pipelines.live_prediction import predict_messages
from pipelines.parsing import parse_messages
from pipelines.prediction import PREDICTION, PredictionConfig, add_predictions, create_predictor
from pipelines.prediction_json import prediction_json
from pipelines.slot_filling import TRANSITIONS, add_slots, create_tagger, write_transitions
from pipelines.tagged_set import TaggedSetConfig
from pipelines.training_set import TrainingSetConfig
from tests.tiny_model import ENCODER, build_tiny_model, build_tiny_tagger
from udfs.annotations import Span
from udfs.screening import ScreeningConfig

NOW = datetime(2026, 5, 1, 1, 0, tzinfo=timezone.utc)


def clean(spark: SparkSession, folder: Path, rows: list[dict[str, Any]], **columns: str) -> tuple[Store, Manifest]:
    (folder / "raw.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    source = InputConfig(path=str(folder / "raw.jsonl"), columns=ColumnsConfig(**columns))
    store, raw = Store(StoreConfig(str(folder / "store"))), read_raw_messages(spark, source)
    outcomes = clean_messages(parse_messages(raw, source), CleaningConfig())
    return store, publish_clean_messages(store, "a1", outcomes, raw)


def test_marked_slots_go_through_cleaning_and_those_that_cannot_are_counted(
    spark: SparkSession, tmp_path: Path
) -> None:
    marked = [
        ("내일 아침에 깨워 줘", "[date : 내일] [time : 아침]에 깨워 줘"),
        ("010-1234-5678 로 ㅋㅋㅋㅋ 내일 연락해", "[phone : 010-1234-5678] 로 ㅋㅋㅋㅋ [date : 내일] 연락해"),
        ("모레  010-9876-5432 로 전화해", '[{"slot": "date", "start": 0, "end": 2}]'),
        ("글피 010-1111-2222 로 전화해", '[{"slot": "code", "start": 3, "end": 6}]'),  # a part of what is masked
        ("오늘 전화해 줘", "[date : 어제] 전화해 줘"),  # of another text
        ("아무 말도 없어요", None),
    ]
    rows = [{"message_id": str(i), "text": text, "marks": marks} for i, (text, marks) in enumerate(marked)]
    store, manifest = clean(spark, tmp_path, rows, slots="marks")
    assert manifest["rejected"] == {"misaligned_slots": 2}
    found = read_clean_messages(spark, store.url("clean", "a1")).orderBy("message_id").collect()
    slots = [row["spans"] and [(s.slot, row["text"][s.start : s.end]) for s in row["spans"]] for row in found]
    assert slots == [
        [("date", "내일"), ("time", "아침")],
        [("phone", "[전화번호]"), ("date", "내일")],
        [("date", "모레")],
        None,
    ]
    assert [len(row["edits"]) for row in found] == [0, 2, 2, 0]  # of the third, a blank and a number


@pytest.fixture(scope="module")
def tagged(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Manifest]:
    folder = tmp_path_factory.mktemp("tagged")
    days, acts = ("내일", "모레", "오늘", "글피"), ("깨워 줘", "전화해 줘", "알려 줘")
    texts = [
        (f"[date : {day}] {act} {split}", split) for split in ("train", "dev", "test") for day in days for act in acts
    ]
    rows = [
        {"text": marks.replace("[date : ", "").replace("]", ""), "marks": marks, "split": name} for marks, name in texts
    ]
    cut = {"text": "내일모레쯤 알려 줘요", "marks": '[{"slot": "date", "start": 0, "end": 1}]'}
    rows += [{**cut, "split": split} for split in ("train", "test")]
    rows = [{"message_id": f"m{i:02}", **row} for i, row in enumerate(rows)]
    store, _ = clean(spark, folder, rows, slots="marks")
    messages = read_clean_messages(spark, store.url("clean", "a1"))
    vectors = {"morphemes": VectorsConfig(size=16, words=300)}
    config = TaggedSetConfig(length=8, min_count=1, copies=2, vectors=vectors)
    training_set = TrainingSetConfig(min_shards=2)
    return store, publish_tagged(store, "t1", messages, training_set, config, has_validation=True)


def test_a_snapshot_holds_units_with_tags_and_copies_with_other_values_of_training_rows_only(
    spark: SparkSession, tagged: tuple[Store, Manifest]
) -> None:
    store, manifest = tagged
    url = store.url(KIND, "t1")
    assert (manifest["rows"]["validation"], manifest["rows"]["test"]) == (12, 13)
    assert manifest["cut"] >= 1
    assert manifest["rows"]["train"] + manifest["cut"] == 3 * 13  # a copy of what is cut may be whole
    encoder, rows = read_encoder(store, url), read_snapshot(spark, url, "train").orderBy("message_id").collect()
    assert encoder.intents[0] == "O"
    assert set(encoder.intents) == {"O", "B-date"}
    copies = [row for row in rows if "~" in row["message_id"]]
    assert {row["message_id"].partition("~")[2] for row in copies} == {"1", "2"}
    values = {row["text"][span.start : span.end] for row in copies for span in row["spans"]}
    assert len(values) > 1
    assert values <= {"내일", "모레", "오늘", "글피", "내"}
    for row in rows:
        tags = [encoder.intents[i - 2] for i in row[TAGS] if i]
        assert tags.count("B-date") == 1
        assert len(row[TAGS]) == len(row["morphemes"]) == 8
    assert encoder.features[0].vocabulary.size > encoder.features[0].vocabulary.learned + 200
    held_out = read_held_out(spark, url, "test")
    assert (Span("date", 0, 1),) in held_out.spans  # what no model can find counts as well


def test_fixed_vectors_reach_the_network_that_finds_slots(tagged: tuple[Store, Manifest]) -> None:
    store, _ = tagged
    facts = read_facts(store.url(KIND, "t1"))
    network = build_network(facts.inputs, classes=0, config=TaggerConfig(members=2, units=8))
    set_vectors(network, facts)
    layers = {layer.name: layer for layer in network.get_layer("reader").layers}
    table = np.asarray(layers["morphemes_vectors"].embeddings)
    assert table.shape == (facts.inputs["morphemes"].size, 16)
    assert table[2:].any(axis=1).mean() > 0.9
    assert not any("vectors" in variable.path for variable in network.trainable_variables)
    rows = {len(np.asarray(layers[f"{member}_morphemes_embedding"].embeddings)) for member in (0, 1)}
    assert rows == {facts.inputs["morphemes"].learned}


def test_a_batch_finds_the_slots_that_live_prediction_finds(spark: SparkSession, tmp_path: Path) -> None:
    network, encoder, transitions = build_tiny_tagger()
    documents = {TRANSITIONS: write_transitions(transitions)}
    write_model(tmp_path / "slots", network=network, encoder=encoder, documents=documents)
    write_model(tmp_path / "intent", network=build_tiny_model(seed=1), encoder=ENCODER)
    texts = ["배송 언제 되나요?", " 010-2345-6789로  ㅋㅋㅋㅋ 연락 주세요", "<b>환불</b>해 줘요…", "네 감사합니다😀"]
    store, _ = clean(spark, tmp_path, [{"message_id": f"m{i}", "text": text} for i, text in enumerate(texts)])
    messages = read_clean_messages(spark, store.url("clean", "a1"))
    slotted = add_slots(messages, ModelFiles(str(tmp_path / "slots"), "malgil-slots", "5"))
    predictions = add_predictions(
        slotted, ModelFiles(str(tmp_path / "intent"), "malgil-intent", "7"), PredictionConfig(), predicted_at=NOW,
        slots_version="5",
    )  # fmt: skip
    assert predictions.dtypes == [(field.name, field.dataType.simpleString()) for field in PREDICTION]
    found = [json.loads(row["json"]) for row in predictions.select(prediction_json().alias("json")).collect()]

    intent = LoadedModel(build_tiny_model(seed=1), ENCODER, "malgil-intent", "7")
    model = LiveModel(create_predictor(intent, PredictionConfig()), "malgil-intent", "7")
    tagger = create_tagger(LoadedModel(network, encoder, "malgil-slots", "5"), transitions)
    live = LiveModels(model, tagger=LiveTagger(tagger, "malgil-slots", "5"))
    empty = dict.fromkeys(("room_id", "bot_id", "sent_at", "sent_us", "known_reason"))
    rows = [
        {**empty, "message_id": f"m{i}", "text": text, "is_screened": True, "is_predicted": True}
        for i, text in enumerate(texts)
    ]
    outcomes = predict_messages(rows, live, screening=ScreeningConfig())
    expected = [json.loads(prediction.value) for prediction in outcomes.predictions]
    assert len(found) == len(expected) == len(texts)
    by_id = {prediction["message_id"]: prediction for prediction in found}
    for prediction in expected:
        same = {**by_id[prediction["message_id"]], "predicted_at": prediction["predicted_at"]}
        assert {**same, "top": None, "confidence": None} == {**prediction, "top": None, "confidence": None}
    assert "2345" not in json.dumps(found)
    assert by_id["m1"]["slots"][0] | {"slot": ""} == {"slot": "", "text": "[전화번호]", "start": 1, "end": 14}


def test_older_predictions_have_no_slots_and_are_written_all_the_same(spark: SparkSession) -> None:
    older = spark.range(1).selectExpr(
        "'m1' message_id", "cast(null as string) room_id", "cast(null as string) bot_id", "'환불' intent",
        "0.5D confidence", "array(named_struct('intent', '환불', 'probability', 0.5D)) top",
        "cast(map() as map<string, struct<label: string, probability: double>>) labels", "false is_out_of_scope",
        "array('네') replies", "cast(null as array<struct<slot: string, text: string, start: int, end: int>>) slots",
        "cast(null as array<struct<text: string, source: string, score: double>>) answers",
        "named_struct('intent', '3', 'reply', cast(null as string), 'bot', cast(null as string)) models",
        "cast(null as timestamp) sent_at", "cast(null as timestamp) predicted_at",
    )  # fmt: skip
    (row,) = older.select(prediction_json().alias("json")).collect()
    assert json.loads(row["json"])["slots"] == []
