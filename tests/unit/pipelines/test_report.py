"""The report says what the run did, lets no markup in with a message, and needs nothing beside itself."""

import re
from dataclasses import replace
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.evaluation import CalibrationBin, Confusion, Evaluation, IntentScore
from pipelines.io.store import Store, StoreConfig
from pipelines.promotion import PromotionDecision
from pipelines.report import (
    ReportData,
    Sample,
    format_duration,
    format_number,
    format_points,
    format_share,
    render_report,
    write_report,
)

CHALLENGER = Evaluation(
    rows=6,
    accuracy=5 / 6,
    macro_f1=0.8286,
    calibration_error=0.0712,
    intents=(
        IntentScore("order_status", 3, 0.75, 1.0, 0.8571),
        IntentScore("refund_request", 3, 1.0, 0.6667, 0.8),
    ),
    confusions=(
        Confusion("order_status", "order_status", 3),
        Confusion("refund_request", "refund_request", 2),
        Confusion("refund_request", "order_status", 1),
    ),
    bins=(CalibrationBin(14 / 15, 1.0, count=6, confidence=0.95, accuracy=5 / 6),),
)
CHAMPION = replace(CHALLENGER, accuracy=4 / 6, macro_f1=0.6571, calibration_error=0.05)
DATA = ReportData(
    source="massive_ko",
    run_id="20260501T030000-4711",
    now=datetime(2026, 5, 1, 3, 4, tzinfo=timezone.utc),
    steps={
        "clean_messages": {
            "read": 12345,
            "clean": 12000,
            "rejected": {"too_short": 300, "broken_json": 45},
            "seconds": 24.83,
        },
        "build_training_set": {
            "rows": {"train": 9000, "validation": 1000, "test": 6},
            "seconds": 31.4,
            "skipped": True,
        },
        "train_intent": {"epochs": 2, "ranks": 2, "rows_per_s": 11204, "seconds": 84.0},
        "predict_batch": {"predictions": 12000, "rows_per_s": 9120, "seconds": 19.9},
    },
    samples=[
        Sample("[전화번호]로 연락 주세요", "human_agent"),
        Sample("<script>alert(1)</script> & 배송"),
    ],
    history=[
        {"loss": 1.0, "accuracy": 0.4, "validation_loss": 1.1, "validation_accuracy": 0.5},
        {"loss": 0.5, "accuracy": 0.7, "validation_loss": 0.8, "validation_accuracy": 0.6},
    ],
    challenger=CHALLENGER,
    challenger_version="4",
    champion=CHAMPION,
    champion_version="3",
    decision=PromotionDecision(promoted=True, reason="accuracy 0.8333 is above the champion's 0.6667"),
    ids={"snapshot": "5f2c9b1e77aa0c43", "mlflow_run": "0c2f0c8f"},
    settings={"training": {"ranks": 2, "epochs": 2}},
)


class Reader(HTMLParser):
    """A page's words as a person reads them, and every address that it would load or lead to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.addresses: list[str] = []
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag == "style"
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "srcset")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden = self._hidden and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def page() -> str:
    return render_report(DATA)


@pytest.fixture(scope="module")
def text(page: str) -> str:
    return Reader(page).text


@pytest.mark.parametrize(
    "words",
    [
        "massive_ko 01 May 2026, 03:04 UTC",
        "Messages read 12,345 12,000 clean, 345 rejected",
        "Test accuracy 83.3% macro F1 82.9%, on 6 messages",
        "Predictions written 12,000 9,120 rows/s",
        "Time 2 min 40 s 4 steps, 1 already done",
        "Version 4 is the champion accuracy 0.8333 is above the champion's 0.6667",
        "Train the intent model 2 epochs · 2 ranks · 11,204 rows/s 1 min 24 s",
        "too short 300 2.43% broken JSON 45 0.36%",
        "9,000 messages to train on, 1,000 messages to validate with, 6 messages to test with.",
        "Accuracy 83.3% 66.7% +16.7",
        "Calibration error 7.1% 5.0% +2.1",
        "refund_request 80.0% 100.0% 66.7% 3 order_status 85.7% 75.0% 100.0% 3",  # the weakest first
        "refund_request order_status 1 of 3",
        "run 20260501T030000-4711 snapshot 5f2c9b1e77aa0c43 MLflow run 0c2f0c8f",
        "training.ranks 2 training.epochs 2",
    ],
)
def test_it_says(text: str, words: str) -> None:
    assert words in text


def test_a_refusal_says_which_version_stays_and_why() -> None:
    decision = PromotionDecision(promoted=False, reason="accuracy 0.8333 is not above the champion's 0.9000")

    text = Reader(render_report(replace(DATA, decision=decision))).text

    assert "Version 4 was not promoted; version 3 stays the champion accuracy 0.8333 is not above" in text


def test_the_first_model_has_none_to_be_compared_with() -> None:
    text = Reader(render_report(replace(DATA, champion=None, champion_version=None))).text

    assert "There was no champion to compare with. Version 4 Accuracy 83.3% Macro F1" in text
    assert "changed most" not in text


def test_what_the_summaries_lack_is_left_out() -> None:
    text = Reader(render_report(replace(DATA, steps={}, samples=[], history=[], settings={}))).text

    assert "Messages read" not in text
    assert "Test accuracy 83.3%" in text


def test_messages_are_shown_as_text_and_placeholders_are_marked(page: str) -> None:
    assert "<mark>[전화번호]</mark>로 연락 주세요" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 배송" in page
    assert "<script" not in page


def test_it_needs_nothing_beside_itself(page: str) -> None:
    addresses = Reader(page).addresses

    assert [address for address in addresses if not address.startswith(("#", "data:image/png;base64,"))] == []
    assert re.findall(r"@import|url\((?!#)", page) == []
    assert set(re.findall(r"https?://[\w./]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_no_password_is_shown() -> None:
    settings = {
        "redis": {"url": "redis://malgil:secret@cache:6379/0"},
        "mlflow": {"tracking_uri": "sqlite:///x.db"},
    }

    text = Reader(render_report(replace(DATA, settings=settings))).text

    assert "redis.url redis://…@cache:6379/0 mlflow.tracking_uri sqlite:///x.db" in text


def test_the_same_data_gives_the_same_page(page: str) -> None:
    assert render_report(DATA) == page


def test_many_intents_fold_away_but_stay_in_the_page() -> None:
    scores = tuple(IntentScore(f"intent_{i}", 1, 1.0, 1.0, 1.0) for i in range(100))
    confusions = tuple(Confusion(score.intent, score.intent, 1) for score in scores)
    challenger = replace(CHALLENGER, rows=100, intents=scores, confusions=confusions)

    text = Reader(render_report(replace(DATA, challenger=challenger, champion=None))).text

    assert "88 more intents" in text
    assert all(f"{score.intent} 100.0%" in text for score in scores)


def test_it_is_written_to_the_store(tmp_path: Path, page: str) -> None:
    store = Store(StoreConfig(root=str(tmp_path)))

    url = write_report(store, store.url("reports", "run-1", "report.html"), DATA)

    assert url == f"file://{tmp_path}/reports/run-1/report.html"
    assert (tmp_path / "reports" / "run-1" / "report.html").read_text(encoding="utf8") == page


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0"), (3, "3"), (3.14159, "3.14"), (123.6, "124"), (1234567, "1,234,567")]
)
def test_numbers_are_grouped(value: float, words: str) -> None:
    assert format_number(value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (3.14, "3.1 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (125.4, "2 min 5 s"),
        (7380, "2 h 3 min"),
    ],
)
def test_durations_are_read_at_a_glance(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_shares_are_percent_and_their_differences_points() -> None:
    assert (format_share(0.8524), format_points(0.0124), format_points(-0.2)) == ("85.2%", "+1.2", "−20.0")
