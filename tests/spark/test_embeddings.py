"""Vectors of tokens by word2vec, with subwords and by GloVe, and networks that start from them."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.glove_steps import learn_glove
from jobs.job import Job, open_job
from models.network_config import NetworkConfig
from models.vocabulary import Vocabulary
from models.weights import load_npz
from pipelines.cooccurrences import count_cooccurrences, count_frequent
from pipelines.embeddings import EmbeddingsConfig, EmbeddingsKind, join_parts, start_from_vectors
from pipelines.encoding import Feature, TextEncoder
from pipelines.errors import MalgilError
from pipelines.io.embedding_files import publish_embeddings, read_vectors
from pipelines.io.progress import Progress
from pipelines.io.store import Store, StoreConfig
from pipelines.schemas import MESSAGE
from pipelines.settings import load_settings
from pipelines.warm_start import write_pretrained_weights

Vector = npt.NDArray[np.float32]
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


def make_messages(spark: SparkSession, texts: list[tuple[str, str]]) -> DataFrame:
    values = [
        (str(i), None, None, None, None, text, None, None, split, hashlib.md5(text.encode()).digest(), None, None)
        for i, (text, split) in enumerate(texts)
    ]
    return spark.createDataFrame(values, MESSAGE)


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Store:
    store, messages = Store(StoreConfig(str(tmp_path_factory.mktemp("store")))), make_messages(spark, TEXTS)
    manifest = publish_embeddings(store, "v1", messages, CONFIG)
    assert (manifest["messages"], manifest["tokens"]) == (3, 4)
    with_subwords = replace(CONFIG, kind=EmbeddingsKind.fasttext, min_count=1)
    manifest = publish_embeddings(store, "subwords", messages, with_subwords)
    assert (manifest["messages"], manifest["tokens"]) == (3, 5)
    return store


def test_frequent_tokens_of_training_messages_have_vectors(spark: SparkSession, store: Store) -> None:
    vectors = read_vectors(spark, store, "v1", ["배", "송", "언", "제", "이", "비"])
    assert set(vectors) == {"배", "송", "언", "제"}
    assert {(vector.shape, vector.dtype.name) for vector in vectors.values()} == {((8,), "float32")}


def test_with_subwords_a_token_that_was_never_seen_has_a_vector_if_it_looks_like_others(
    spark: SparkSession, store: Store
) -> None:
    vectors = read_vectors(spark, store, "subwords", ["배", "담배", "쓩"])
    assert set(vectors) == {"배", "담배"}
    assert not np.array_equal(vectors["배"], vectors["담배"])


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


def test_a_vector_is_the_mean_of_the_parts_that_have_one() -> None:
    vectors = {"a": np.array([1, 3], np.float32), "b": np.array([3, 5], np.float32)}
    joined = join_parts({"a": ["a"], "ab": ["ab", "a", "b"], "c": ["c"]}, vectors)
    assert {token: vector.tolist() for token, vector in joined.items()} == {"a": [1, 3], "ab": [2, 4]}


def test_tokens_that_stand_near_each_other_are_counted_by_their_distance_in_both_orders(spark: SparkSession) -> None:
    rows = [(["가", "나", "가", "라"],), (["나", "가"],), (["다"],)]
    messages = spark.createDataFrame(rows, "tokens array<string>")
    frequent = tuple(row["token"] for row in count_frequent(messages, min_count=2).collect())
    assert frequent == ("가", "나")

    counted = count_cooccurrences(messages, Vocabulary(frequent), window=2).collect()
    pairs = sorted((row["token"][0], row["context"][0], row["label"]) for row in counted)
    assert pairs == [(2, 2, 30), (2, 3, 180), (3, 2, 180)]  # 가 twice at a distance of 2; 가 and 나 side by side thrice


def test_glove_brings_tokens_of_the_same_company_together(spark: SparkSession, tmp_path: Path) -> None:
    texts = [(f"{fruit}{verb}{end}", "train") for fruit in "감귤배" for verb in "먹씹" for end in "다고자니"]
    texts += [(f"{car}{verb}{end}", "train") for car in "차말책" for verb in "타몰" for end in "다고자니"]
    settings = load_settings(
        [
            f"store.root={tmp_path}", "training_set.min_shards=2", "embeddings.kind=glove", "embeddings.size=8",
            "embeddings.analyzer=characters", "embeddings.epochs=60", "embeddings.glove.batch_size=8",
            "embeddings.glove.learning_rate=0.01",
        ]
    )  # fmt: skip
    plain = open_job("pretrain_embeddings", "1", settings, Progress(spark.sparkContext, io.StringIO()))
    job = Job(**vars(plain), spark=spark)
    manifest = learn_glove(job, "glove", make_messages(spark, texts))
    assert (manifest["messages"], manifest["tokens"], manifest["kind"]) == (48, 14, "glove")

    found = read_vectors(spark, job.store, "glove", ["감", "귤", "차", "쓩"])
    assert set(found) == {"감", "귤", "차"}
    assert likeness(found["감"], found["귤"]) > likeness(found["감"], found["차"])


def likeness(left: Vector, right: Vector) -> float:
    return float(left @ right / np.linalg.norm(left) / np.linalg.norm(right))
