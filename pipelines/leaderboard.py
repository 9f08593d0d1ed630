"""A comparison of networks on one snapshot: what each scored, how fast it is, what it takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipelines.evaluation import Evaluation
from pipelines.pictures import History, draw_confusions, draw_leaderboard, draw_validation_curves, to_svg

_PASSES = 5  # of the measurement of speed, after one that does not count


@dataclass(frozen=True)
class LeaderboardConfig:
    """What is compared."""

    recipes: list[str] = field(
        default_factory=lambda: [
            "linear", "fasttext", "cnn", "lstm", "cnn_lstm", "bigru", "bigru_attention", "transformer",
        ]
    )  # fmt: skip  # as `recipe`
    ensemble: bool = True  # whether the weighted mean of all of them is a row as well


@dataclass(frozen=True)
class Entry:
    """A row of the table. Rows a second: training over all ranks, predicting from ids on one core."""

    name: str
    version: str
    validation_accuracy: float
    accuracy: float  # on the test split, as the next two
    macro_f1: float
    calibration_error: float
    training_rows_per_s: float
    predicting_rows_per_s: float
    parameters: int
    megabytes: float  # of the file that is served
    seconds: float  # of training, the ranks' start included
    share: float | None = None  # its weight in the ensemble

    @property
    def cells(self) -> list[str]:
        """What the table shows of it, in the order of COLUMNS."""
        return [
            self.name, *(f"{100 * value:.1f}" for value in (self.validation_accuracy, self.accuracy, self.macro_f1)),
            f"{self.calibration_error:.3f}",
            *(f"{value:,.0f}" if value else "" for value in (self.training_rows_per_s, self.predicting_rows_per_s)),
            f"{self.parameters:,}", f"{self.megabytes:.1f}", f"{self.seconds:.0f}",
            "" if self.share is None else f"{self.share:.2f}",
        ]  # fmt: skip


COLUMNS = (
    "network", "validation %", "test %", "macro F1 %", "ECE", "training rows/s", "predicting rows/s", "parameters",
    "MB", "seconds", "share",
)  # fmt: skip


@dataclass(frozen=True)
class Leaderboard:
    """What a comparison came to, with what one needs to find it again."""

    source: str  # the data set's name, or the input's path
    run_id: str
    now: datetime
    snapshot: str
    rows: dict[str, int]  # by split
    entries: Sequence[Entry]
    histories: Mapping[str, History]  # each network's training by epoch
    best: Evaluation  # of the first entry


def rank_entries(entries: Sequence[Entry]) -> list[Entry]:
    """The best on the validation split first: who picks a network by this table picks by the first column of it."""
    return sorted(entries, key=lambda entry: -entry.validation_accuracy)


def format_table(entries: Sequence[Entry]) -> list[str]:
    """The table as lines of text, its columns aligned."""
    rows = [list(COLUMNS), *(entry.cells for entry in entries)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def render_leaderboard(board: Leaderboard) -> str:
    """The table and its picture as one HTML document that needs nothing beside itself."""
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    figures = {
        "places": draw_leaderboard(board.entries),
        "curves": draw_validation_curves(board.histories),
        "confusions": draw_confusions(board.best),
    }
    pictures = {name: Markup(to_svg(figure)) for name, figure in figures.items()}  # matplotlib escapes
    return page.get_template("leaderboard.html.j2").render(board=board, columns=COLUMNS, pictures=pictures)


def measure_rows_per_s(predict: Callable[[Any], Any], rows: Any, *, count: int) -> float:
    """How many of the `count` rows a second `predict` does, a median of several passes."""
    seconds = []
    for _ in range(_PASSES + 1):
        started = perf_counter()
        predict(rows)
        seconds.append(perf_counter() - started)
    return count / median(seconds[1:])


def to_metrics(entry: Entry) -> dict[str, float]:
    """The entry's numbers, by names that MLflow takes."""
    values = {item.name: getattr(entry, item.name) for item in fields(entry) if item.name not in ("name", "version")}
    return {f"{entry.name}.{name}": float(value) for name, value in values.items() if value is not None}
