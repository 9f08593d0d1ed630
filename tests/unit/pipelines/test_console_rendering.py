"""The console's pages: both languages have all words, and the browser's wish decides which one is shown."""

import re
from pathlib import Path

import pytest

from pipelines.console_rendering import LANGUAGES, Pages, choose_language, latency_ms, read_assets, read_texts

FOLDER = Path(__file__).resolve().parents[3] / "pipelines" / "console_pages"
PREDICTION = {
    "message_id": "m1", "room_id": "방1", "intent": "refund", "confidence": 0.834, "is_out_of_scope": False,
    "top": [["refund", 0.834], ["<b>", 0.1]],
    "replies": ["네, \"바로\" 해 드릴게요"], "labels": {"sentiment": ["negative", 0.93]},
    "models": {"intent": "3", "reply": None}, "sent_at": "2026-05-01T00:00:00.000Z",
    "predicted_at": "2026-05-01T00:00:00.233000Z",
}  # fmt: skip


def test_both_languages_have_the_words_that_the_pages_use() -> None:
    korean, english = map(read_texts, LANGUAGES)
    assert korean.keys() == english.keys()
    used = {name for path in FOLDER.glob("*.j2") for name in re.findall(r"\bt\.(\w+)", path.read_text(encoding="utf8"))}
    assert used <= korean.keys()


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "language"),
    [
        ("ko", "en", "en", "ko"),
        (None, "ko", "en", "ko"),
        ("fr", None, "ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        (None, None, "de, en;q=0.5, ko;q=0.7", "ko"),
        (None, None, "ko;q=0, de", "en"),
        (None, None, None, "en"),
    ],
)
def test_the_language_is_the_one_asked_for_then_the_kept_then_the_browsers(
    asked: str | None, kept: str | None, accepted: str | None, language: str
) -> None:
    assert choose_language(asked, kept, accepted) == language


def test_a_prediction_is_rendered_without_markup_of_its_own() -> None:
    html = Pages().render("prediction", "en", prediction=PREDICTION, text="<script>환불</script>", latency_ms=233)
    assert "&lt;script&gt;환불" in html
    assert "<script" not in html
    assert 'data-correct="&lt;b&gt;"' in html
    assert 'data-say="네, &#34;바로&#34; 해 드릴게요"' in html
    assert "83.4%" in html
    assert "233 ms" in html
    assert "intent v3" in html
    assert "replies v" not in html


def test_answers_of_the_knowledge_base_are_shown_as_text_with_their_source() -> None:
    answers = [
        {"text": "<i>이틀</i>\n걸려요", "source": "help/<d>", "score": 0.5},
        {"text": "네", "source": None, "score": 0.4},
    ]
    html = Pages().render("prediction", "ko", prediction={**PREDICTION, "answers": answers}, text="언제", latency_ms=1)
    assert "<p>&lt;i&gt;이틀&lt;/i&gt;\n걸려요</p>" in html
    assert "<cite>help/&lt;d&gt;</cite>" in html
    assert html.count("<cite>") == 1


def test_latency_is_from_sending_to_predicting() -> None:
    assert latency_ms(PREDICTION) == 233
    assert latency_ms({**PREDICTION, "sent_at": None}) is None


def test_pages_need_nothing_from_elsewhere_and_no_inline_script_or_style() -> None:
    contents = [path.read_text(encoding="utf8") for path in FOLDER.glob("*.j2")]
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", "".join(contents))
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! src)", "".join(contents))
    assert {"console.css", "chat.js", "refresh.js"} <= read_assets().keys()
