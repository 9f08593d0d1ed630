"""Vectors of tokens by word2vec, and networks that start from them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from models.network_config import NetworkConfig
from models.vocabulary import Vocabulary
from models.weights import load_npz
from pipelines.embeddings import EmbeddingsConfig, start_from_vectors
from pipelines.encoding import Feature, TextEncoder
from pipelines.errors import MalgilError
from pipelines.io.embedding_files import publish_embeddings, read_vectors
from pipelines.io.store import Store, StoreConfig
from pipelines.schemas import MESSAGE
from pipelines.warm_start import write_pretrained_weights

CONFIG = EmbeddingsConfig(analyzer="characters", size=8, min_count=2)
TEXTS = [
    ("배송이 언제", "train"),
    ("배송은 언제", "train"),
    ("배송 언제", "train"),
    ("비밀 비밀", "test"),
    ("네", "train"),
]
ENCODER = TextEncoder(
    (
        Feature("letters", "characters", 6, Vocabulary(("송", "쁨", "언"))),
        Feature("morphemes", "mecab_ko", 6, Vocabulary(("송",))),
    ),
    ("a", "b"),
)


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(StoreConfig(str(tmp_path_factory.mktemp("store"))))
    values = [
        (str(i), None, None, None, None, text, None, None, split, hashlib.md5(text.encode()).digest())
        for i, (text, split) in enumerate(TEXTS)
    ]
    manifest = publish_embeddings(store, "v1", spark.createDataFrame(values, MESSAGE), CONFIG)
    assert (manifest["messages"], manifest["tokens"]) == (3, 4)
    return store


def test_frequent_tokens_of_training_messages_have_vectors(spark: SparkSession, store: Store) -> None:
    vectors = read_vectors(spark, store, "v1", ["배", "송", "언", "제", "이", "비"])
    assert set(vectors) == {"배", "송", "언", "제"}
    assert {(vector.shape, vector.dtype.name) for vector in vectors.values()} == {((8,), "float32")}


def test_a_networks_embeddings_start_from_the_vectors_of_their_analyzer(
    spark: SparkSession, store: Store, tmp_path: Path
) -> None:
    start, plain = (NetworkConfig(bags=[], embedding_size=8, embeddings=embeddings) for embeddings in ("v1", ""))
    write_pretrained_weights(f"{tmp_path}/start.npz", spark, store, encoder=ENCODER, config=start)
    arrays = load_npz(f"{tmp_path}/start.npz")[0]["weights"]

    from models.network import build_network

    own = build_network(ENCODER.inputs, classes=2, config=plain)
    weights = [variable for variable in own.variables if "seed_generator" not in variable.path]
    changed = [v.path for v, array in zip(weights, arrays, strict=True) if not np.array_equal(v.value, array)]
    assert changed == ["letters_embedding/embeddings"]
    table, before = next(
        (array, np.asarray(v.value)) for v, array in zip(weights, arrays, strict=True) if v.path == changed[0]
    )
    assert [bool(np.array_equal(table[row], before[row])) for row in range(5)] == [True, True, False, True, False]


def test_vectors_that_do_not_fit_are_refused(spark: SparkSession, store: Store, tmp_path: Path) -> None:
    for config, line in (
        (
            NetworkConfig(embeddings="v2"),
            "network.embeddings: expected an output of pretrain_embeddings .* there are v1",
        ),
        (NetworkConfig(embeddings="v1"), "network.embedding_size: expected 8 as the vectors v1 have, received 96"),
    ):
        with pytest.raises(MalgilError, match=line):
            write_pretrained_weights(f"{tmp_path}/x.npz", spark, store, encoder=ENCODER, config=config)


def test_vectors_are_scaled_to_the_spread_of_random_ones() -> None:
    vectors = {"a": np.array([10, -10], np.float32), "b": np.array([-10, 10], np.float32)}
    table = start_from_vectors(np.zeros((5, 2), np.float32), ("a", "c", "b"), vectors, first_id=2)
    np.testing.assert_allclose(table, [[0, 0], [0, 0], [0.029, -0.029], [0, 0], [-0.029, 0.029]], rtol=1e-5)
