"""What a team has written down, through the door into predictions, and traced back to its file."""

import json
from pathlib import Path
from typing import Any

import redis

from tests.services.runs import run_job

PHONE = "010-2345-6789"


def test_messages_are_answered_from_what_was_written_down(whole: dict[str, Any], folder: Path) -> None:
    rows = [
        {
            "question": "카드를 잃어버렸어요",
            "answer": f"앱에서 정지하세요. {PHONE}",
            "bot_id": "bank",
            "source": "help/card",
        },
        {"question": "영업시간이 어떻게 되나요", "answer": "아홉 시에 열어요.", "bot_id": "bank"},
    ]
    faq, messages = folder / "faq.jsonl", folder / "asked.jsonl"
    faq.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf8")
    asked = [
        ("m1", "bank", "카드 를 잃어버렷어요"),
        ("m2", "bank", "오늘 날씨가 참 좋네요"),
        ("m3", "shop", "카드를 잃어버렸어요"),
    ]
    named = [dict(zip(("message_id", "bot_id", "text"), row, strict=True)) for row in asked]
    messages.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in named), encoding="utf8")
    settings = [f"store.root={folder}/knowledge/store", f"redis.embedded.directory={folder}/knowledge/redis"]

    built = run_job(folder / "whole", "build_knowledge_base", *settings, f"knowledge.path={faq}")

    assert [built[name] for name in ("bots", "built", "passages", "skipped")] == [1, 1, 2, False]

    run_job(folder / "whole", "clean_messages", *settings, f"input.path={messages}")
    predicted = run_job(folder / "whole", "predict_batch", *settings, f"input.path={messages}")

    assert predicted["knowledge"] == built["version"]
    client = redis.Redis.from_url(predicted["redis"])
    card, weather, shop = (json.loads(client.get(f"malgil:prediction:m{i}")) for i in (1, 2, 3))  # type: ignore[arg-type]
    (answer,) = card["answers"]
    assert (answer["text"], answer["source"]) == ("앱에서 정지하세요. [전화번호]", "help/card")
    assert (weather["answers"], shop["answers"]) == ([], [])
    assert [one["models"]["knowledge"] for one in (card, weather, shop)] == [built["version"]] * 2 + [None]

    traced = run_job(folder / "whole", "trace", "m1", *settings)

    by_output = {one["output"]: one for one in traced["outputs"]}
    assert by_output[f"knowledge/{built['version']}"]["made_from"] == [
        f"passages/{built['read_passages']['passages_id']}"
    ]
