"""Pictures of a training: its learning curves, what the model confuses, how far to trust its confidence.

They leave matplotlib's global state alone, and take a font that has Hangul where the machine has one.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.evaluation import Evaluation

if TYPE_CHECKING:  # imported where it is used: 1 s
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pipelines.leaderboard import Entry

History = Sequence[Mapping[str, float]]

FONTS = (
    "Noto Sans KR",
    "Noto Sans CJK KR",
    "Noto Sans CJK JP",
    "NanumGothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
)
INK, MUTED, LINE = "#1f2933", "#66717f", "#d5dae0"
TRAINING, VALIDATION, RIGHT, WRONG = "#8d99a6", "#1d6fa5", "#1d6fa5", "#c2502e"
_NAMED_INTENTS = 70  # more names than these cannot be read beside the matrix


def draw_learning_curves(history: History) -> "Figure":
    """Loss and accuracy by epoch, side by side."""
    with _style():
        figure = _new_figure(9.0, 3.0)
        for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
            _draw_curve(axes, history, metric)
    return figure


def draw_learning_curve(history: History, metric: str) -> "Figure":
    """One metric by epoch, in training and in validation."""
    with _style():
        figure = _new_figure(4.4, 2.8)
        _draw_curve(figure.subplots(), history, metric)
    return figure


def draw_confusions(evaluation: Evaluation) -> "Figure":
    """The confusion matrix: a row an intent, a column a prediction, darker where more of the row went.

    Mistakes have a color of their own, and a scale (square root) that shows rare ones.
    """
    names = _axis_names(evaluation)
    size = min(max(4.0, 0.15 * len(names) + 1.8), 12.0)
    with _style():
        figure = _new_figure(size, size)
        axes = figure.subplots()
        axes.imshow(_color_matrix(evaluation, names), interpolation="nearest", aspect="equal")
        axes.set_xlabel("predicted")
        axes.set_ylabel("intent")
        _name_cells(axes, names)
    return figure


def draw_calibration(evaluation: Evaluation) -> "Figure":
    """Accuracy by confidence, a dot a bin, its area the share of messages; on the diagonal both agree."""
    bins = evaluation.bins
    confidence, accuracy = [bin_.confidence for bin_ in bins], [bin_.accuracy for bin_ in bins]
    areas = [10 + 150 * bin_.count / evaluation.rows for bin_ in bins]
    with _style():
        figure = _new_figure(4.4, 2.8)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1.5, zorder=1)
        axes.vlines(confidence, confidence, accuracy, color=WRONG, linewidth=1, zorder=2)
        axes.scatter(confidence, accuracy, s=areas, color=VALIDATION, zorder=3)
        axes.set(xlabel="confidence", xlim=(0, 1.03), ylim=(0, 1.06))
        _finish_axes(axes, "accuracy by confidence")
    return figure


def draw_leaderboard(entries: "Sequence[Entry]") -> "Figure":
    """Test accuracy by predicting speed: who is high up is good, who is far right is fast."""
    with _style():
        figure = _new_figure(8.0, 4.4)
        axes = figure.subplots()
        for entry in entries:
            place = (entry.predicting_rows_per_s, 100 * entry.accuracy)
            axes.scatter(*place, s=40, color=VALIDATION if entry.share is not None else WRONG, zorder=3)
            axes.annotate(entry.name, place, (7, 0), textcoords="offset points", va="center")
        axes.set_xlim(0, 1.15 * max(entry.predicting_rows_per_s for entry in entries))
        axes.margins(y=0.12)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel("predicted rows a second on one core")
        _finish_axes(axes, "test accuracy, %")
    return figure


def draw_validation_curves(histories: Mapping[str, History]) -> "Figure":
    """Validation accuracy by epoch, a line a network; their names in the order of the ends."""
    from matplotlib.ticker import MaxNLocator

    with _style():
        figure = _new_figure(8.0, 4.4)
        axes = figure.subplots()
        ordered = sorted(histories, key=lambda name: -histories[name][-1]["validation_accuracy"])
        for name in ordered:
            values = [100 * epoch["validation_accuracy"] for epoch in histories[name]]
            axes.plot(range(1, len(values) + 1), values, linewidth=1.5, marker="o", markersize=2.5, label=name)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
        axes.set_ylim(bottom=min(100 * histories[name][-1]["validation_accuracy"] for name in ordered) - 10)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        _finish_axes(axes, "validation accuracy, %")
    return figure


def to_svg(figure: "Figure") -> str:
    """The figure as an `<svg>` element that scales with its page; its text stays text."""
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with _style():
        figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg") :].rstrip()


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib
    from matplotlib import font_manager

    here = set(font_manager.get_font_names())
    style: Any = {
        "font.family": [*(font for font in FONTS if font in here), "DejaVu Sans"],
        "font.size": 9,
        "text.color": INK,
        "axes.labelcolor": MUTED,
        "axes.edgecolor": LINE,
        "axes.unicode_minus": False,  # Korean fonts often lack that minus sign
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "svg.fonttype": "none",
        "svg.hashsalt": "malgil",  # the same figure gives the same text
    }
    with matplotlib.rc_context(style):
        yield


def _new_figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=144, layout="constrained", facecolor="white")


def _draw_curve(axes: "Axes", history: History, metric: str) -> None:
    from matplotlib.ticker import MaxNLocator

    lines = {"training": (metric, TRAINING), "validation": (f"validation_{metric}", VALIDATION)}
    ends = {label: history[-1].get(key, np.nan) for label, (key, _) in lines.items()} if history else {}
    for label, (key, color) in lines.items():
        values = [numbers.get(key, np.nan) for numbers in history]
        if not np.isnan(values).all():
            axes.plot(range(1, len(values) + 1), values, color=color, linewidth=2, marker="o", markersize=3)
            up = 5 if ends[label] >= max(ends.values()) else -5  # two ends often meet: their names must not
            end = (len(values), values[-1])
            axes.annotate(label, end, (7, up), textcoords="offset points", color=color, va="center")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    _finish_axes(axes, metric)


def _finish_axes(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def _axis_names(evaluation: Evaluation) -> list[str]:
    """Intents of the labels, then those that were only predicted."""
    labels = [score.intent for score in evaluation.intents]
    return labels + sorted({confusion.predicted for confusion in evaluation.confusions} - set(labels))


def _color_matrix(evaluation: Evaluation, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """(names, names, 3): white, towards a color by the square root of the share of the row."""
    from matplotlib.colors import to_rgb

    position = {name: i for i, name in enumerate(names)}
    support = {score.intent: score.support for score in evaluation.intents}
    pixels = np.ones((len(names), len(names), 3))
    for confusion in evaluation.confusions:
        row, column = position[confusion.intent], position[confusion.predicted]
        share = np.sqrt(confusion.count / support[confusion.intent])
        color = np.array(to_rgb(RIGHT if row == column else WRONG))
        pixels[row, column] = 1 - share * (1 - color)
    return pixels


def _name_cells(axes: "Axes", names: Sequence[str]) -> None:
    named = list(enumerate(names)) if len(names) <= _NAMED_INTENTS else []
    axes.set_xticks([i for i, _ in named], [name for _, name in named], rotation=90, fontsize=6)
    axes.set_yticks([i for i, _ in named], [name for _, name in named], fontsize=6)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)
