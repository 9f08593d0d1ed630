"""Knowledge bases, from what a team has to predictions: read, built where something changed, answered from."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from pipelines.answers import add_answers
from pipelines.errors import MalgilError
from pipelines.io.knowledge_store import (
    find_current_knowledge,
    find_knowledge,
    publish_knowledge,
    publish_passages,
    read_knowledge,
    read_passages,
)
from pipelines.io.model_files import ModelFiles, version_id, write_model
from pipelines.io.raw_knowledge import list_knowledge_files, read_pages, read_rows
from pipelines.io.store import Manifest, Store, StoreConfig
from pipelines.knowledge import (
    KnowledgeColumnsConfig,
    KnowledgeConfig,
    identify_contents,
    list_contents,
    make_page_passages,
    make_row_passages,
    merge_passages,
)
from pipelines.prediction import PredictionConfig, add_predictions
from tests.tiny_model import ENCODER, build_tiny_model, build_tiny_replier

NOW = datetime(2026, 5, 1, 1, 0, tzinfo=timezone.utc)
CONFIG = KnowledgeConfig(shards=2, samples=20, vector_weight=0.1, min_score=0.3)
CSV = """q,answer,bot_id,source
배송은 언제 오나요,"이틀 걸려요.
제주는 나흘, 담당 010-1234-5678",shop,https://shop.example/d
배송은 언제 오나요,"이틀 걸려요.
제주는 나흘, 담당 010-1234-5678",shop,https://shop.example/e
환불해 주세요,마이페이지에서 신청하세요.,shop,
,답만,shop,
질문만,,shop,
긴 답,{long},shop,
영업시간 알려 주세요,아홉 시에 열어요.,,
"""
JSONL = '{"question": "대출 금리 알려 주세요", "answer": "4.5%입니다.", "bot_id": "bank"}\n{"question": \n'
PREDICTED = "message_id string, room_id string, bot_id string, sent_at timestamp, text string"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelFiles, ModelFiles]:
    folder = tmp_path_factory.mktemp("models")
    write_model(folder / "intent", network=build_tiny_model(seed=1), encoder=ENCODER)
    selector, encoder, _ = build_tiny_replier()
    write_model(folder / "reply", network=selector, encoder=encoder)
    return ModelFiles(str(folder / "intent"), "malgil-intent", "7"), ModelFiles(
        str(folder / "reply"), "malgil-reply", "3"
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(StoreConfig(root=str(tmp_path / "store")))


def _read(spark: SparkSession, folder: Path, config: KnowledgeConfig) -> tuple[list[Any], dict[str, int]]:
    """Passages, and counts of those that were rejected."""
    listing = list_knowledge_files(config)
    is_pages = config.format in ("markdown", "html")
    read, make = (read_pages, make_page_passages) if is_pages else (read_rows, make_row_passages)
    store = Store(StoreConfig(root=str(folder / "passages-store")))
    manifest = publish_passages(store, "one", make(read(spark, listing, config), config))
    passages = read_passages(spark, store, "one").orderBy("bot_id", "searched", "text").collect()
    assert manifest["passages"] == len(passages)
    assert manifest["read"] == len(passages) + sum(manifest["rejected"].values())
    return passages, manifest["rejected"]


def test_rows_become_masked_passages_and_bad_ones_are_counted(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_bytes(CSV.format(long="가" * 2001).encode("cp949"))
    columns = KnowledgeColumnsConfig(question="q")
    config = KnowledgeConfig(path=str(path), format="csv", encoding="CP949", columns=columns)
    passages, rejected = _read(spark, tmp_path, config)
    assert rejected == {"duplicate": 1, "missing_question": 1, "missing_answer": 1, "answer_too_long": 1}
    everyone, delivery, refund = passages
    assert (everyone.bot_id, everyone.text, everyone.source) == ("", "아홉 시에 열어요.", None)
    assert delivery.asDict() == {
        "bot_id": "shop", "searched": "배송은 언제 오나요", "example": "배송은 언제 오나요",
        "text": "이틀 걸려요.\n제주는 나흘, 담당 [전화번호]", "source": "https://shop.example/d",
    }  # fmt: skip
    assert refund.text == "마이페이지에서 신청하세요."
    with pytest.raises(MalgilError, match=r"knowledge.columns.question: expected a column 'question', found q, answer"):
        _read(spark, tmp_path, replace(config, columns=KnowledgeColumnsConfig()))


def test_a_broken_line_is_counted(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "faq.jsonl").write_text(JSONL, encoding="utf8")
    passages, rejected = _read(spark, tmp_path, KnowledgeConfig(path=str(tmp_path / "faq.jsonl"), bot_id="shop"))
    assert ([row.bot_id for row in passages], rejected) == (["bank"], {"broken_json": 1})


def test_pages_belong_to_the_bot_whose_folder_they_are_in(spark: SparkSession, tmp_path: Path) -> None:
    for name, content in {
        "은행/대출 안내.md": "# 대출\n## 금리\n4.5%입니다. 010-1234-5678".encode(),
        "shop/ko/교환.md": "일주일 안에 됩니다.".encode(),
        "shop/empty.md": "# 제목만".encode(),
        "shop/bytes.md": b"\xff\xfe\xfa",
        "shop/large.md": b"x" * 1001,
        "shop/picture.png": b"\x89PNG",
        "all.md": "누구에게나".encode(),
    }.items():
        (tmp_path / "pages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pages" / name).write_bytes(content)
    config = KnowledgeConfig(path=str(tmp_path / "pages"), format="markdown", max_page_bytes=1000)
    passages, rejected = _read(spark, tmp_path, config)
    assert rejected == {"empty_page": 1, "unreadable_page": 1, "page_too_large": 1}
    assert [tuple(row) for row in passages] == [
        ("", "누구에게나", "누구에게나", "누구에게나", "all.md"),
        ("shop", "일주일 안에 됩니다.", "일주일 안에 됩니다.", "일주일 안에 됩니다.", "shop/ko/교환.md"),
        ("은행", "대출 금리 4.5%입니다. [전화번호]", "금리", "4.5%입니다. [전화번호]", "은행/대출 안내.md#금리"),
    ]
    with pytest.raises(MalgilError, match=r"expected .html or .htm files, found none at"):
        list_knowledge_files(replace(config, format="html"))


def _tell(
    spark: SparkSession,
    store: Store,
    model: ModelFiles | None,
    config: KnowledgeConfig = CONFIG,
    **bots: dict[str, str],
) -> Manifest:
    """Make a version, as the job does."""
    rows = [(bot, asked, asked, said, None) for bot, answers in bots.items() for asked, said in answers.items()]
    before = find_current_knowledge(store)
    standing = read_knowledge(spark, store, before)
    passages = merge_passages(standing, spark.createDataFrame(rows, standing.schema), config)
    contents = list_contents(passages, basis=version_id(model) if model else "")
    facts = {"champion": version_id(model) if model else "", "made_at": NOW.isoformat()}
    version = f"kb-{identify_contents(contents)[:8]}"
    return publish_knowledge(store, version, passages, contents, model, config, before=before, facts=facts)


SHOP = {"배송은 언제 오나요": "이틀 걸려요.", "환불해 주세요": "마이페이지에서 신청하세요."}
BANK = {"대출 금리 알려 주세요": "4.5%입니다."}


def test_what_changed_is_built_and_messages_are_answered_from_it(
    spark: SparkSession, store: Store, models: tuple[ModelFiles, ModelFiles]
) -> None:
    intent, reply = models
    with_fee = {**SHOP, "배송비는 얼마예요": "3,000원"}
    first = _tell(spark, store, reply, shop=with_fee, bank=BANK)
    assert (first["bots"], first["built"], first["passages"]) == (2, 2, 4)
    second = _tell(spark, store, reply, shop=SHOP)
    assert (second["bots"], second["built"], second["passages"]) == (2, 1, 3)
    assert _tell(spark, store, reply, shop=with_fee)["version"] == first["version"]  # it is put in use again
    assert len(store.outputs("knowledge")) == 2

    source = find_knowledge(store, CONFIG)
    assert source is not None
    said = [
        ("shop", "배송비 얼마예요?"),
        ("bank", "대출금리 알려주세여"),
        ("bank", "오늘 날씨"),
        ("none", "배송비"),
        ("shop", None),
    ]
    rows = [(f"m{i}", "방", bot, None, text) for i, (bot, text) in enumerate(said)]
    messages = spark.createDataFrame(rows, PREDICTED).coalesce(1)
    for model in (reply, None):
        answered = add_answers(messages, source, model)
        predictions = add_predictions(answered, intent, PredictionConfig(), predicted_at=NOW).collect()
        first_answers = [row.answers[0].text if row.answers else None for row in predictions]
        assert first_answers == ["3,000원", "4.5%입니다.", None, None, None]
        versions = Counter(row.models.knowledge for row in predictions)
        assert versions == {first["version"]: 4, None: 1}

    left = _tell(spark, store, None, replace(CONFIG, is_complete=True), bank=BANK)
    assert (left["bots"], left["built"], left["champion"]) == (1, 1, "")
