"""A training set whose rows carry a teacher's probabilities."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from pipelines.distillation import DistillationConfig, mix_targets
from pipelines.encoding import FeatureConfig
from pipelines.feed import Shard, read_facts, training_batches, validation_batches
from pipelines.io.distillation_set import publish_distillation_set
from pipelines.io.model_files import ModelFiles, load_model, write_model
from pipelines.io.snapshots import publish_snapshot, read_snapshot
from pipelines.io.store import Store, StoreConfig
from pipelines.schemas import MESSAGE
from pipelines.training_set import TrainingSetConfig
from tests.tiny_model import ENCODER, INTENTS, build_tiny_model

TRAINING_SET = TrainingSetConfig(
    features={"letters": FeatureConfig(analyzer="characters", length=10, min_count=1)}, min_shards=2
)
MESSAGES = [
    ("a1", "환불해 주세요", "refund", "train"),
    ("a2", "배송 언제 와요", "delivery", "train"),
    ("a3", "안녕하세요", "greeting", "train"),
    ("a4", "주문 취소", "order_cancel", "train"),
    ("a5", "환불 되나요", "refund", "validation"),
    ("a6", "환불이요", "refund", "test"),
]
LEARNED = sorted(INTENTS)


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(StoreConfig(str(tmp_path_factory.mktemp("store"))))
    values = [
        (i, None, None, None, None, text, intent, None, split, hashlib.md5(text.encode()).digest(), None, None)
        for i, text, intent, split in MESSAGES
    ]
    messages = spark.createDataFrame(values, MESSAGE)
    publish_snapshot(store, "base", messages, TRAINING_SET, has_validation=True)
    path = store.root.removeprefix("file://") + "/teacher"
    write_model(Path(path), network=build_tiny_model(seed=1), encoder=ENCODER)
    publish_distillation_set(
        spark,
        store,
        "learned",
        base="base",
        teacher=ModelFiles(path, "teacher", "1"),
        config=DistillationConfig(teacher="teacher/1", share=0.7),
        training_set=TRAINING_SET,
    )
    return store


def test_a_target_is_what_the_teacher_says_of_the_bases_intents_and_of_the_label(
    spark: SparkSession, store: Store
) -> None:
    teacher = load_model(ModelFiles(store.root.removeprefix("file://") + "/teacher", "teacher", "1"))
    rows = {
        row["message_id"]: row for row in read_snapshot(spark, store.url("snapshots", "learned"), "train").collect()
    }
    for message_id, text, intent, _ in MESSAGES[:4]:
        said = teacher.network.predict(teacher.encoder.encode([text]), verbose=0)[0]
        expected = [0.7 * said[INTENTS.index(name)] + 0.3 * (0.1 / 4 + 0.9 * (name == intent)) for name in LEARNED]
        np.testing.assert_allclose(rows[message_id]["target"], expected, atol=1e-5)


def test_ranks_train_with_targets_and_validate_with_labels(store: Store) -> None:
    facts = read_facts(store.url("snapshots", "learned"))
    features, targets = next(training_batches(facts, Shard(), epoch=1, batch_size=4, pool_rows=10, seed=0))
    _, labels = next(validation_batches(facts, Shard(), batch_size=2))
    assert facts.has_targets
    assert (features["letters"].shape, targets.shape, targets.dtype) == ((4, 10), (4, 4), np.float32)
    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-5)
    assert labels.tolist() == [LEARNED.index("refund")]


def test_the_manifest_names_the_teacher_and_the_base(store: Store) -> None:
    manifest = store.manifest("snapshots", "learned") or {}
    assert (manifest["teacher"], manifest["base"], manifest["rows"]) == (
        "teacher/1",
        "base",
        {"train": 4, "validation": 1},
    )


def test_without_a_share_the_teacher_has_no_say() -> None:
    probabilities, labels = np.array([[0.2, 0.8]], np.float32), np.array([0], np.int32)
    np.testing.assert_allclose(mix_targets(probabilities, labels, share=0), [[0.95, 0.05]], atol=1e-6)
    np.testing.assert_allclose(mix_targets(probabilities, labels, share=1), probabilities, atol=1e-6)


def test_what_the_teacher_gives_to_intents_that_are_not_learned_goes_to_the_others() -> None:
    probabilities, labels = np.array([[0.1, 0.3], [0, 0]], np.float32), np.array([0, 1], np.int32)
    targets = mix_targets(probabilities, labels, share=1)
    np.testing.assert_allclose(targets, [[0.25, 0.75], [0.05, 0.95]], atol=1e-6)
