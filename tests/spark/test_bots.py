"""A model per bot, from clean messages to predictions: trained where something changed, carried over where not."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from pipelines.bot_training import train_bots
from pipelines.bots import BotsConfig, collect_bots, merge_bots
from pipelines.errors import MalgilError
from pipelines.io.bots_store import find_current, find_source, list_shards, publish_bots, read_bots
from pipelines.io.model_files import ModelFiles, version_id, write_model
from pipelines.io.store import Manifest, Store, StoreConfig
from pipelines.prediction import PredictionConfig, add_predictions
from pipelines.schemas import MESSAGE
from pipelines.training_set import TrainingSetConfig
from tests.tiny_model import ENCODER, INTENTS, build_tiny_model

NOW = datetime(2026, 5, 1, 1, 0, tzinfo=timezone.utc)
CONFIG = BotsConfig(min_utterances=4, shards=4, cached=2)
ASKED, CANCELLED, RETURNED = "배송 언제 와요", "주문 취소해 주세요", "환불"
SHOP = [(ASKED, "track"), (CANCELLED, "cancel"), ("배송 언제 오나요", "track"), ("주문 취소", "cancel")]
BANK = [(ASKED, "wait"), (RETURNED, "pay back"), ("언제 와요", "wait"), ("환불 해 주세요", "pay back")]
PREDICTED = "message_id string, room_id string, bot_id string, sent_at timestamp, text string"
Told = Sequence[tuple[str, str]]  # texts and intents


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelFiles, ModelFiles]:
    found = []
    for seed in (1, 2):
        path = tmp_path_factory.mktemp("model") / "intent"
        write_model(path, network=build_tiny_model(seed=seed), encoder=ENCODER)
        found.append(ModelFiles(str(path), "malgil-intent", str(seed)))
    return found[0], found[1]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(root=str(tmp_path)))


def _teach(
    spark: SparkSession,
    store: Store,
    model: ModelFiles,
    config: BotsConfig = CONFIG,
    *,
    is_partial: bool = False,
    **bots: Told,
) -> Manifest:
    """Train what the bots are told, as the job does; of `is_partial`, only their shards are written."""
    nothing = dict.fromkeys(MESSAGE.fieldNames())
    rows = [
        {**nothing, "message_id": f"{bot}-{i}", "bot_id": bot, "text": text, "intent": intent,
         "split": "test" if i > 7 else None}
        for bot, told in bots.items() for i, (text, intent) in enumerate(told)
    ]  # fmt: skip
    messages = spark.createDataFrame(rows, MESSAGE)
    before = find_current(store)
    told = collect_bots(messages, config, TrainingSetConfig())
    shards = list_shards(messages, config) if is_partial else None
    merged = merge_bots(read_bots(spark, store, before, shards=shards), told, config, basis=version_id(model))
    version = f"run-{len(store.outputs('bots'))}"
    facts = {"champion": version_id(model), "shards": config.shards, "made_at": NOW.isoformat()}
    trained = train_bots(merged, model, config, shards=shards)
    return publish_bots(store, version, trained, before=before, facts=facts, shards=shards)


def _bots(spark: SparkSession, store: Store) -> dict[str, Any]:
    rows = read_bots(spark, store, find_current(store)).collect()
    return {row.bot_id: row for row in rows}


def test_each_bot_predicts_its_own_intents_and_others_have_the_champion(
    spark: SparkSession, store: Store, models: tuple[ModelFiles, ModelFiles]
) -> None:
    model = models[0]
    manifest = _teach(spark, store, model, shop=[*SHOP, *SHOP, (CANCELLED, "cancel"), (RETURNED, "track")], bank=BANK)
    assert (manifest["bots"], manifest["trained"], manifest["without_head"], manifest["utterances"]) == (2, 2, 0, 14)
    assert manifest["test_accuracy"] in (0.5, 1.0)  # of two that were held out, one is taught
    said = [("shop", ASKED), ("shop", CANCELLED), ("bank", ASKED), ("bank", RETURNED), ("other", ASKED), (None, ASKED)]
    rows = [(f"m{i}", "방", bot, None, text) for i, (bot, text) in enumerate([*said, ("shop", None)])]
    messages = spark.createDataFrame(rows, PREDICTED)
    predictions = add_predictions(
        messages.coalesce(1), model, PredictionConfig(), predicted_at=NOW, bots=find_source(store, model, CONFIG)
    ).collect()
    assert [row.intent for row in predictions[:4]] == ["track", "cancel", "wait", "pay back"]
    assert {row.intent for row in predictions[4:6]} <= {*INTENTS}
    assert [row.models.bot for row in predictions] == ["run-0"] * 4 + [None] * 3
    assert [len(row.top) for row in predictions] == [2, 2, 2, 2, 3, 3, 0]
    assert {row.models.intent for row in predictions} == {"1"}


def test_only_what_changed_is_trained(spark: SparkSession, store: Store, models: tuple[ModelFiles, ModelFiles]) -> None:
    model, other = models
    assert _teach(spark, store, model, shop=SHOP, bank=BANK, silent=SHOP[:1])["without_head"] == 1
    first = _bots(spark, store)

    changed = _teach(spark, store, model, shop=[*SHOP, (RETURNED, "return")], silent=SHOP[:1])
    second = _bots(spark, store)
    assert (changed["version"], changed["bots"], changed["trained"]) == ("run-1", 3, 1)
    assert second["shop"].intents == ["cancel", "return", "track"]
    assert second["bank"] == Row(**{**first["bank"].asDict(), "is_new": False})
    assert second["silent"].weights is None

    retrained = _teach(spark, store, other)  # told nothing: another champion alone
    third = _bots(spark, store)
    assert (retrained["bots"], retrained["trained"]) == (3, 2)
    assert third["bank"].weights != second["bank"].weights
    assert third["bank"].utterances == second["bank"].utterances
    assert find_source(store, model, CONFIG) is None  # whoever still has the old champion predicts by that alone
    source = find_source(store, other, CONFIG)
    with pytest.raises(MalgilError, match=r"bots: expected heads for malgil-intent-1-.*, received those for .*-2-"):
        add_predictions(spark.createDataFrame([], MESSAGE), model, PredictionConfig(), predicted_at=NOW, bots=source)

    left = _teach(spark, store, other, replace(CONFIG, is_complete=True), bank=BANK)
    assert (left["bots"], left["trained"]) == (1, 0)


def test_files_of_shards_without_a_changed_bot_are_those_of_before(
    spark: SparkSession, store: Store, models: tuple[ModelFiles, ModelFiles]
) -> None:
    first = _teach(spark, store, models[0], shop=SHOP, bank=BANK, mall=BANK)  # shop and bank share a shard
    changed = {"shop": [*SHOP, (RETURNED, "return")], "market": SHOP}
    new = _teach(spark, store, models[0], is_partial=True, **changed)
    whole = _teach(spark, store, models[0], **changed)

    kept = [shard for shard, file in enumerate(first["files"]) if file[0] and file == new["files"][shard]]
    assert kept == [_bots(spark, store)["mall"].shard]
    assert [new[name] for name in ("bots", "trained", "utterances")] == [4, 2, 17]
    told = ("bots", "without_head", "utterances", "accuracy", "test_accuracy")
    assert {name: new[name] for name in told} == {name: whole[name] for name in told}
    versions = [read_bots(spark, store, one).drop("is_new").orderBy("bot_id").collect() for one in (new, whole)]
    assert versions[0] == versions[1]


def test_of_two_runs_beside_each_other_one_stays(
    spark: SparkSession, store: Store, models: tuple[ModelFiles, ModelFiles]
) -> None:
    _teach(spark, store, models[0], bank=BANK)
    bots = read_bots(spark, store, find_current(store))
    facts = {"champion": "c", "shards": 4, "made_at": NOW.isoformat()}
    with pytest.raises(MalgilError, match="expected no other run beside this one"):
        publish_bots(store, "run-1", bots, before=None, facts=facts)
    assert (find_current(store) or {})["version"] == "run-0"
    assert publish_bots(store, "run-1", bots, before=find_current(store), facts=facts)["version"] == "run-1"
