"""Labelled messages to a snapshot: splits, vocabulary, ids, and the same id for the same content."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from petastorm import make_batch_reader
from pyspark.sql import DataFrame, SparkSession

from models.network import build_network
from models.network_config import NetworkConfig
from models.vocabulary import InputSpec
from pipelines.encoding import FeatureConfig
from pipelines.errors import MalgilError
from pipelines.feed import read_facts
from pipelines.fixed_vectors import VectorsConfig, set_vectors
from pipelines.io.snapshots import publish_snapshot, read_encoder, read_snapshot
from pipelines.io.store import Store, StoreConfig
from pipelines.schemas import MESSAGE
from pipelines.training_set import TrainingSetConfig, assign_splits, drop_repeated_training_texts, select_labelled
from udfs.augmentation import AugmentationConfig
from udfs.morpheme_vectors import find_vectors

CONFIG = TrainingSetConfig(
    features={
        "morphemes": FeatureConfig(length=6, min_count=1),
        "characters": FeatureConfig(analyzer="characters", length=10, min_count=1),
    },
    min_shards=2,
)


def _messages(spark: SparkSession, rows: list[tuple[str, str, str | None, str | None]]) -> DataFrame:
    """From (message_id, text, intent, split)."""
    values = [
        (i, None, None, None, None, text, intent, None, split, hashlib.md5(text.encode()).digest(), None, None)
        for i, text, intent, split in rows
    ]
    return spark.createDataFrame(values, MESSAGE)


OWN_SPLITS: list[tuple[str, str, str | None, str | None]] = [
    ("a1", "배송 언제 와요", "delivery", "train"),
    ("a2", "배송 언제 와요", "delivery", "train"),
    ("a3", "환불해 주세요", "refund", "train"),
    ("a4", "환불 되나요", "refund", "validation"),
    ("a5", "환불 되나요", "refund", "validation"),
    ("a6", "교환할게요", "exchange", "test"),
    ("a7", "안녕하세요", None, "test"),
]


def test_snapshot_holds_ids_of_fixed_length_and_what_decodes_them(spark: SparkSession, tmp_path: Path) -> None:
    store = Store(StoreConfig(str(tmp_path)))
    manifest = publish_snapshot(store, "s1", _messages(spark, OWN_SPLITS), CONFIG, has_validation=True)
    encoder = read_encoder(store, store.url("snapshots", "s1"))
    rows = {split: read_snapshot(spark, store.url("snapshots", "s1"), split).collect() for split in manifest["rows"]}
    assert manifest["rows"] == {"train": 2, "validation": 2, "test": 1}
    assert manifest["intents"] == ["delivery", "refund"] == list(encoder.intents)
    assert sorted(row["message_id"] for row in rows["train"]) == ["a1", "a3"]
    assert [row["label"] for row in rows["test"]] == [-1]
    for row in rows["train"] + rows["test"]:
        encoded = encoder.encode([row["text"]])
        assert {name: row[name] for name in encoded} == {name: ids[0].tolist() for name, ids in encoded.items()}


def test_petastorm_reads_a_snapshot_as_arrays(spark: SparkSession, tmp_path: Path) -> None:
    store = Store(StoreConfig(str(tmp_path)))
    publish_snapshot(store, "s1", _messages(spark, OWN_SPLITS), CONFIG, has_validation=True)
    url = store.url("snapshots", "s1", "train")
    with make_batch_reader(url, schema_fields=["morphemes"], reader_pool_type="dummy") as reader:
        batches = list(reader)
    assert np.concatenate([batch.morphemes for batch in batches]).shape == (2, 6)


def test_a_text_never_stands_in_two_splits(spark: SparkSession) -> None:
    rows = [(f"m{i}", f"문장 {i % 400}", "talk", None) for i in range(2_000)]
    parts = assign_splits(_messages(spark, rows), CONFIG, has_validation=False)  # type: ignore[arg-type]
    found = parts.groupBy("text").agg({"split": "collect_set"}).collect()
    sizes = parts.groupBy("split").count().collect()
    assert all(len(row[1]) == 1 for row in found)
    assert {row["split"] for row in sizes} == {"train", "validation", "test"}
    assert all(100 < row["count"] < 320 for row in sizes if row["split"] != "train")


def test_validation_comes_out_of_training_where_the_source_has_none(spark: SparkSession) -> None:
    rows = [(f"m{i}", f"문장 {i}", "talk", "test" if i < 100 else "train") for i in range(1_000)]
    parts = assign_splits(_messages(spark, rows), CONFIG, has_validation=False)  # type: ignore[arg-type]
    sizes = {row["split"]: row["count"] for row in parts.groupBy("split").count().collect()}
    assert sizes["test"] == 100
    assert 50 < sizes["validation"] < 140


def test_training_keeps_one_row_a_text_and_intent(spark: SparkSession) -> None:
    rows = [*OWN_SPLITS, ("a0", "배송 언제 와요", "delivery", "train"), ("b1", "배송 언제 와요", "refund", "train")]
    kept = drop_repeated_training_texts(select_labelled(_messages(spark, rows), CONFIG))
    assert sorted(row["message_id"] for row in kept.collect()) == ["a0", "a3", "a4", "a5", "a6", "b1"]


def test_a_split_without_rows_is_an_error_that_says_so(spark: SparkSession, tmp_path: Path) -> None:
    messages = _messages(spark, [row for row in OWN_SPLITS if row[3] != "test"])
    with pytest.raises(MalgilError, match="has no test rows"):
        publish_snapshot(Store(StoreConfig(str(tmp_path))), "s1", messages, CONFIG, has_validation=True)


def test_only_training_rows_get_varied_copies_the_same_ones_whoever_makes_them(
    spark: SparkSession, tmp_path: Path
) -> None:
    messages, store = _messages(spark, OWN_SPLITS), Store(StoreConfig(str(tmp_path)))
    config = replace(CONFIG, augmentation=AugmentationConfig(copies=2))
    texts = []
    for name, partitions in (("s1", 1), ("s2", 3)):
        manifest = publish_snapshot(store, name, messages.repartition(partitions), config, has_validation=True)
        rows = read_snapshot(spark, store.url("snapshots", name), "train").orderBy("message_id").collect()
        assert manifest["rows"] == {"train": 6, "validation": 2, "test": 1}
        assert [row["message_id"] for row in rows] == ["a1", "a1~1", "a1~2", "a3", "a3~1", "a3~2"]
        assert {row["intent"] for row in rows[:3]} == {"delivery"}
        texts.append([row["text"] for row in rows])
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > 3


WIDE = replace(CONFIG, vectors={"morphemes": VectorsConfig(size=16, words=300)})


def test_fixed_vectors_lie_beside_the_encoder_and_reach_the_network(spark: SparkSession, tmp_path: Path) -> None:
    store = Store(StoreConfig(str(tmp_path)))
    publish_snapshot(store, "wide", _messages(spark, OWN_SPLITS), WIDE, has_validation=True)
    url = store.url("snapshots", "wide")
    encoder, facts = read_encoder(store, url), read_facts(url)
    words = encoder.features[0].vocabulary
    network = build_network(facts.inputs, classes=2, config=NetworkConfig(bags=["characters"]))
    set_vectors(network, facts)
    table = np.asarray(network.get_layer("morphemes_vectors").embeddings)
    assert facts.inputs == encoder.inputs
    assert facts.inputs["morphemes"] == InputSpec(words.size, 6, learned=words.learned + 2, vector_size=16)
    assert len(words.tokens) > words.learned + 200
    assert table.shape == (words.size, 16)
    assert not table[:2].any()
    of_word = np.array(find_vectors([words.tokens[-1]], 16)[0])
    np.testing.assert_allclose(table[-1] / np.linalg.norm(table[-1]), of_word / np.linalg.norm(of_word), atol=1e-4)


def test_vectors_of_a_feature_that_is_not_there_are_refused(spark: SparkSession, tmp_path: Path) -> None:
    wrong = replace(CONFIG, vectors={"morpheme": VectorsConfig()})
    with pytest.raises(MalgilError, match=r"training_set\.vectors: expected features .*; received 'morpheme'"):
        publish_snapshot(
            Store(StoreConfig(str(tmp_path))), "s1", _messages(spark, OWN_SPLITS), wrong, has_validation=True
        )
