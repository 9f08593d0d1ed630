"""MASSIVE with many more labels than intents: an intent and the slots that a message fills, as one label.

    python -m benchmarks.intent_slots var/benchmarks/intent_slots.jsonl
    ./spark-submit.sh leaderboard dataset=massive_ko input.path=var/benchmarks/intent_slots.jsonl

Writes the messages of ../shared/data/massive_ko whose label stands in 10 training messages or more: 202 labels. Slots
are the sorted names of annot_utt, whose marks are `[name : value]`.
"""

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

DATA = Path("../shared/data/massive_ko/ko-KR.jsonl")
_SLOT = re.compile(r"\[(\w+) :")
_MIN_TRAINING_MESSAGES = 10

Message = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    lines = DATA.read_text(encoding="utf8").splitlines()
    messages = label_messages([json.loads(line) for line in lines])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in messages), encoding="utf8")
    print(f"{len(messages)} messages of {len({one['intent'] for one in messages})} labels")


def label_messages(messages: list[Message]) -> list[Message]:
    """Those with a label that is not rare, which stands in `intent`."""
    labelled = [{**message, "intent": _name_label(message)} for message in messages]
    counts = Counter(message["intent"] for message in labelled if message["partition"] == "train")
    return [message for message in labelled if counts[message["intent"]] >= _MIN_TRAINING_MESSAGES]


def _name_label(message: Message) -> str:
    return "|".join([message["intent"], *sorted(set(_SLOT.findall(message["annot_utt"])))])


if __name__ == "__main__":
    main()
