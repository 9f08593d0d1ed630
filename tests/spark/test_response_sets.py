"""Answers that may be suggested, their clusters, and the snapshot that holds them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from petastorm import make_batch_reader
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from models.dual_encoder_config import REPLY
from pipelines.clusters import ClustersConfig, Polarity, SeedConfig, link_words, seed_labels, spread_labels
from pipelines.encoding import FeatureConfig
from pipelines.errors import MalgilError
from pipelines.feed import read_facts
from pipelines.io.pair_snapshots import (
    PairSnapshotConfig,
    WrittenPairsConfig,
    publish_pairs,
    publish_written_pairs,
    read_held_out,
)
from pipelines.io.response_sets import read_responses
from pipelines.io.snapshots import read_encoder, read_snapshot
from pipelines.io.store import Manifest, Store, StoreConfig
from pipelines.pairs import PairsConfig
from pipelines.responses import ResponsesConfig, select_responses
from pipelines.schemas import MESSAGE
from pipelines.seq2seq import use_units
from pipelines.training_set import TrainingSetConfig
from udfs.screening import near_duplicate_key
from udfs.spaced_units import join_units

SEEDS = {
    "yes": SeedConfig(["가능합니다"], Polarity.positive),
    "no": SeedConfig(["안 됩니다"], Polarity.negative),
}
CLUSTERS = ClustersConfig(seeds=SEEDS, new_clusters=1, max_word_share=0.6)
CONFIG = PairSnapshotConfig(
    PairsConfig(),
    TrainingSetConfig(features={"morphemes": FeatureConfig(length=6, min_count=1)}, min_shards=2),
    ResponsesConfig(blocklist=["꺼져"]),
    CLUSTERS,
)


def key(text: str) -> bytes:
    return hashlib.md5(near_duplicate_key(text).encode()).digest()


def pairs(spark: SparkSession, rows: list[tuple[str, str, str]]) -> DataFrame:
    """From (room, reply, split)."""
    values = [(f"m{i}", room, reply, key(reply), split) for i, (room, reply, split) in enumerate(rows)]
    return spark.createDataFrame(
        values, "message_id string, room_id string, reply string, reply_key binary, split string"
    )


def test_only_frequent_answers_of_several_rooms_that_tell_nothing_personal_are_kept(spark: SparkSession) -> None:
    kept = ["잠시만 기다려 주세요", "잠시만 기다려 주세요!", "잠시만 기다려 주세요", "네 가능합니다", "네 가능합니다"]
    rows = [(f"r{i}", reply, "train") for i, reply in enumerate(kept)]
    for bad in ("[전화번호]로 전화 주세요", "[링크] 보세요", "꺼 져 주세요", "가" * 61):
        rows += [(f"r{i}", bad, "train") for i in range(9)]
    rows += [("r1", "한 방에서만 하는 말", "train")] * 9
    rows += [(f"r{i}", "배운 적 없는 말", "test") for i in range(9)]
    found = select_responses(pairs(spark, rows), ResponsesConfig(blocklist=["꺼져"])).orderBy(F.desc("rooms")).collect()
    assert [(row["reply"], row["rooms"]) for row in found] == [("잠시만 기다려 주세요", 3), ("네 가능합니다", 2)]
    first = select_responses(pairs(spark, rows), ResponsesConfig(max_responses=1)).collect()
    assert [row["reply"] for row in first] == ["잠시만 기다려 주세요"]


def test_labels_spread_over_words_to_answers_that_no_seed_holds(spark: SparkSession) -> None:
    replies = {
        "교환 가능합니다": ["교환", "가능"],
        "교환돼요": ["교환", "돼요"],
        "그것도 돼요": ["그것", "돼요"],
        "환불은 안 됩니다": ["환불", "안"],
        "환불은 힘들어요": ["환불", "힘들"],
        "날씨가 좋네요": ["날씨"],
    }
    tokens = spark.createDataFrame(
        [(key(r), words) for r, words in replies.items()], "reply_key binary, words array<string>"
    )
    responses = spark.createDataFrame([(key(r), r) for r in replies], "reply_key binary, reply string")
    links = link_words(tokens, CLUSTERS)
    whole = links.groupBy("reply_key").agg(F.sum("weight").alias("weight")).collect()
    assert [row["weight"] for row in whole] == [pytest.approx(1)] * 5  # a word of one answer alone links nothing
    found = spread_labels(links, seed_labels(responses, CLUSTERS), CLUSTERS).collect()
    names = {key(reply): reply for reply in replies}
    assert {names[bytes(row["reply_key"])]: row["cluster"] for row in found} == {
        "교환 가능합니다": "yes",
        "교환돼요": "yes",
        "그것도 돼요": "yes",  # by 돼요, which it shares with a neighbour of the seed
        "환불은 안 됩니다": "no",
        "환불은 힘들어요": "no",
    }


@pytest.fixture(scope="module")
def talk(spark: SparkSession) -> DataFrame:
    """Rooms in which agents answer the same things again and again."""
    said = [("교환 되나요", "교환 가능합니다"), ("환불 되나요", "환불은 안 됩니다"), ("언제 와요", "내일 도착합니다")]
    rows = []
    for i in range(120):
        asked, answered = said[i % 3]
        asked = f"{asked} {i}"
        rows += [
            (f"q{i}", f"r{i}", None, "customer", None, asked, None, None, None, key(asked), None, None),
            (f"a{i}", f"r{i}", None, "agent", None, answered, None, f"q{i}", None, key(answered), None, None),
        ]
    return spark.createDataFrame(rows, MESSAGE)


@pytest.fixture(scope="module")
def snapshot(spark: SparkSession, talk: DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Manifest]:
    store = Store(StoreConfig(str(tmp_path_factory.mktemp("store"))))
    return store, publish_pairs(store, "p1", talk, CONFIG, has_validation=False)


def test_a_snapshot_of_pairs_is_read_by_ranks_and_decoded_by_its_encoder(
    spark: SparkSession, snapshot: tuple[Store, Manifest]
) -> None:
    store, manifest = snapshot
    url = store.url("pairs", "p1")
    encoder, facts = read_encoder(store, url), read_facts(url)
    assert sum(manifest["rows"].values()) == 120
    assert set(facts.inputs) == {"morphemes", f"{REPLY}morphemes"}
    rows = read_snapshot(spark, url, "train").collect()
    for row in rows[:10]:
        assert row["morphemes"] == encoder.encode([row["text"]])["morphemes"][0].tolist()
        assert row[f"{REPLY}morphemes"] == encoder.encode([row["reply"]])["morphemes"][0].tolist()
    assert len({(row["reply"], row["label"]) for row in rows}) == len({row["label"] for row in rows}) == 3
    with make_batch_reader(f"{url}/train", schema_fields=["label"], reader_pool_type="dummy") as reader:
        assert sum(len(batch.label) for batch in reader) == manifest["rows"]["train"]
    held_out = read_held_out(spark, url, "test")
    for inputs, texts in ((held_out.asked_inputs, held_out.asked), (held_out.answered_inputs, held_out.answered)):
        np.testing.assert_array_equal(inputs["morphemes"], encoder.encode(texts)["morphemes"])
        assert len(texts) == manifest["rows"]["test"]


def test_a_snapshot_brings_its_answers_with_cluster_and_polarity(
    spark: SparkSession, snapshot: tuple[Store, Manifest]
) -> None:
    store, manifest = snapshot
    found = {r.text: r for r in read_responses(spark, store.url("pairs", "p1"))}
    assert manifest["responses"] == {"answers": 3, "in_clusters": 3, "clusters": 3}
    assert {text: r.polarity for text, r in found.items()} == {
        "교환 가능합니다": "positive",
        "환불은 안 됩니다": "negative",
        "내일 도착합니다": "neutral",
    }
    assert found["교환 가능합니다"].cluster == "yes"
    assert found["내일 도착합니다"].cluster not in (None, "yes", "no")  # a cluster that no seed names
    folder = Path(store.url("pairs", "p1").removeprefix("file://"))
    assert sorted(path.name for path in folder.iterdir()) == [
        "encoder.json",
        "manifest.json",
        "responses",
        "test",
        "train",
        "validation",
    ]


def test_pairs_to_write_by_hold_no_answer_that_must_not_be_said(
    spark: SparkSession, talk: DataFrame, tmp_path: Path
) -> None:
    units = FeatureConfig(analyzer="spaced_characters", length=20, min_count=1)
    config = WrittenPairsConfig(PairsConfig(), use_units(CONFIG.training_set, units), ["안됩니다"])
    store = Store(StoreConfig(str(tmp_path)))
    manifest = publish_written_pairs(store, "w1", talk, config, has_validation=False)
    url = store.url("pairs", "w1")
    assert sum(manifest["rows"].values()) == 80
    assert set(read_facts(url).inputs) == {"units", f"{REPLY}units"}
    vocabulary = read_encoder(store, url).features[0].vocabulary
    rows = read_snapshot(spark, url, "train").collect()
    assert {row["reply"] for row in rows} == {"교환 가능합니다", "내일 도착합니다"}
    for row in rows[:10]:
        assert join_units(vocabulary.decode(row["units"])) == row["text"]
        assert join_units(vocabulary.decode(row[f"{REPLY}units"])) == row["reply"]


def test_messages_that_no_agent_answered_are_an_error_that_says_so(
    spark: SparkSession, talk: DataFrame, tmp_path: Path
) -> None:
    asked = talk.where(F.col("speaker") == "customer")
    with pytest.raises(MalgilError, match=r"expected pairs in every split.*give more messages that agents answered"):
        publish_pairs(Store(StoreConfig(str(tmp_path))), "p1", asked, CONFIG, has_validation=False)
