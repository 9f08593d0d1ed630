"""Bots that are taught through the door, and predicted by what they were taught."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import redis

from tests.services.runs import run_job

PHONE = "010-2345-6789"
SAID = {
    "cafe": {"menu": ["메뉴 뭐 있어요", "메뉴판 보여 주세요"], "hours": ["몇 시에 열어요", "언제 닫나요"]},
    "bank": {
        "loan": ["대출 받고 싶어요", "대출 금리 알려 주세요"],
        "card": ["카드를 잃어버렸어요", f"카드 정지 {PHONE}"],
    },
}


def test_a_taught_bot_is_predicted_by_its_own_intents_and_its_version_is_traced(
    whole: dict[str, Any], folder: Path
) -> None:
    rows = [
        {"message_id": f"{bot}-{intent}-{i}", "bot_id": bot, "text": text, "intent": intent}
        for bot, intents in SAID.items()
        for intent, texts in intents.items()
        for i, text in enumerate(texts)
    ]
    rows.append({"message_id": "none-0", "bot_id": "none", "text": "대출 받고 싶어요", "intent": "loan"})
    source = folder / "bots.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf8")
    settings = [
        f"store.root={folder}/bots/store", f"redis.embedded.directory={folder}/bots/redis",  # others' stay as they are
        f"input.path={source}", "bots.min_utterances=4", "bots.shards=4",
    ]  # fmt: skip

    trained = run_job(folder / "whole", "train_bots", *settings)

    assert trained["clean_messages"]["masked"] == 1
    assert [trained[name] for name in ("bots", "trained", "without_head")] == [3, 2, 1]
    stored = pq.read_table(f"{trained['output']}/data".removeprefix("file://")).column("utterances")
    assert PHONE not in str(stored.to_pylist())
    origin = json.loads((folder / "bots/store/bots" / trained["version"] / "origin.json").read_text(encoding="utf8"))
    version = whole["evaluate_intent"]["version"]
    assert origin["made_from"]["versions"] == [f"malgil-intent/{version}"]

    predicted = run_job(folder / "whole", "predict_batch", *settings)

    assert predicted["bots"] == trained["version"]
    client = redis.Redis.from_url(predicted["redis"])
    found = {row["message_id"]: json.loads(client.get(f"malgil:prediction:{row['message_id']}")) for row in rows}
    assert {bot: {found[row["message_id"]]["intent"] for row in rows if row["bot_id"] == bot} for bot in SAID} == {
        bot: {*intents} for bot, intents in SAID.items()
    }
    assert {found[row["message_id"]]["models"]["bot"] for row in rows if row["bot_id"] in SAID} == {trained["version"]}
    assert found["none-0"]["models"] == {
        "intent": version,
        "reply": None,
        "bot": None,
        "slots": None,
        "knowledge": None,
    }

    traced = run_job(folder / "whole", "trace", "cafe-menu-0", *settings)

    by_output = {one["output"]: one for one in traced["outputs"]}
    assert by_output[f"bots/{trained['version']}"]["run"] == trained["run_id"]
