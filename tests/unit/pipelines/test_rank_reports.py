"""What the first rank reports reaches the driver, whole, and a store that refuses it is noticed."""

import json
from pathlib import Path

import pytest

from models.training import Progress
from pipelines.rank_reports import progress_reporter


def make_progress(rows: int) -> Progress:
    return Progress(epoch=1, rows=rows, total_rows=300, rows_per_s=10.0)


def test_the_last_progress_stands_when_its_report_returns(tmp_path: Path) -> None:
    report = progress_reporter(f"{tmp_path.as_uri()}/run")
    for rows in (100, 200, 300):
        report(make_progress(rows))
    assert json.loads((tmp_path / "run" / "progress.json").read_text())["rows"] == 300


def test_a_report_that_cannot_be_written_fails_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("no folder")
    report = progress_reporter(f"{tmp_path.as_uri()}/run")
    report(make_progress(100))
    with pytest.raises(FileExistsError):
        report(make_progress(300))
