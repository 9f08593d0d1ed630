"""The checkpoint of live prediction: taken where it is ours, refused where it is another's."""

import json
from pathlib import Path

import pytest

from pipelines.errors import MalgilError
from pipelines.io.live_checkpoint import LAYOUT, open_checkpoint


def test_a_new_checkpoint_is_opened_again(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/checkpoint"
    assert open_checkpoint(url, topic="chat.messages") == url
    (tmp_path / "checkpoint" / "offsets").mkdir()
    assert open_checkpoint(url, topic="chat.messages") == url


@pytest.mark.parametrize(
    ("layout", "topic"), [(LAYOUT - 1, "chat.messages"), (LAYOUT + 1, "chat.messages"), (LAYOUT, "chat.others")]
)
def test_another_layout_or_topic_is_refused(tmp_path: Path, layout: int, topic: str) -> None:
    (tmp_path / "layout.json").write_text(json.dumps({"layout": layout, "topic": topic}))
    with pytest.raises(
        MalgilError, match=f"expected layout {LAYOUT} of topic chat.messages, found layout {layout} of topic {topic} in"
    ):
        open_checkpoint(f"file://{tmp_path}", topic="chat.messages")


def test_a_checkpoint_from_before_there_were_layouts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "offsets").mkdir()
    with pytest.raises(MalgilError, match="found layout 0"):
        open_checkpoint(f"file://{tmp_path}", topic="chat.messages")
