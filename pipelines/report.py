"""The report of a nightly run: one HTML file that shows what came in, what was learned and what was decided.

It needs nothing beside itself: styles and pictures are inside, so it can be mailed, printed and archived.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipelines.evaluation import Evaluation, IntentScore
from pipelines.io.store import Store
from pipelines.io.tracking import flatten, hide_credentials
from pipelines.pictures import draw_calibration, draw_confusions, draw_learning_curve, to_svg
from pipelines.promotion import PromotionDecision
from udfs.lossless import PLACEHOLDER

_TEMPLATE = "report.html.j2"
_SHOWN = 12  # rows of a long table before the rest folds away
_DECISIONS: dict[object, str] = {True: "promoted", False: "not promoted"}
_SPELLINGS = {"korean": "Korean", "json": "JSON", "utf8": "UTF-8", "nul": "NUL", "pii": "PII", "mlflow": "MLflow"}
_TITLES = {
    "generate_messages": "Generate messages",
    "clean_messages": "Clean messages",
    "build_training_set": "Build the training set",
    "train_intent": "Train the intent model",
    "evaluate_intent": "Evaluate and promote",
    "predict_batch": "Predict",
}


@dataclass(frozen=True)
class Sample:
    """A message as it is stored: clean, its personal data masked."""

    text: str
    intent: str | None = None  # its label, where it has one


@dataclass(frozen=True)
class ReportData:
    """All that the report shows. The summaries are the jobs' own; what a summary lacks is left out."""

    source: str  # what the messages are: a data set's name or the input's path
    run_id: str
    now: datetime  # when the run ended
    steps: Mapping[str, Mapping[str, Any]]  # each step's summary in order, with its `seconds` and `skipped`
    samples: Sequence[Sample]  # some clean messages, best those with placeholders
    history: Sequence[Mapping[str, float]]  # the challenger's training by epoch
    challenger: Evaluation  # of this run's model
    challenger_version: str
    champion: Evaluation | None  # of the model that it was compared with, on the same messages
    champion_version: str | None
    decision: PromotionDecision
    ids: Mapping[str, str]  # snapshot, commit, MLflow run, …: what one needs to find it all again
    settings: Mapping[str, Any]  # the run's settings, nested as in conf/


def write_report(store: Store, url: str, data: ReportData) -> str:
    """Write the report to `url`, all at once, replacing an older one; returns the URL."""
    store.write_text(url, render_report(data))
    return url


def render_report(data: ReportData) -> str:
    """The report as one HTML document."""
    folder = FileSystemLoader(Path(__file__).parent)
    page = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {"number": format_number, "share": format_share, "duration": format_duration}
    page.filters |= {"points": format_points, "words": _to_words, "parts": _split_placeholders}
    return page.get_template(_TEMPLATE).render(
        data=data,
        clean=data.steps.get("clean_messages", {}),
        training=data.steps.get("train_intent", {}),
        snapshot=data.steps.get("build_training_set", {}),
        predictions=data.steps.get("predict_batch", {}),
        steps=_list_steps(data.steps),
        total_s=sum(summary.get("seconds", 0) for summary in data.steps.values()),
        rejections=_list_rejections(data.steps.get("clean_messages", {})),
        comparison=_compare(data.challenger, data.champion),
        changes=_list_changes(data.challenger, data.champion),
        intents=sorted(data.challenger.intents, key=lambda score: (score.f1, -score.support)),
        supports={score.intent: score.support for score in data.challenger.intents},
        pictures=_draw(data),
        settings={name: hide_credentials(str(value)) for name, value in flatten(data.settings).items()},
        shown=_SHOWN,
    )


def format_number(value: float) -> str:
    """`12345.6` → `12,346`; small ones keep two digits."""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:,.2f}"


def format_share(value: float) -> str:
    """`0.8524` → `85.2%`."""
    return f"{100 * value:.1f}%"


def format_points(value: float) -> str:
    """A difference of two shares, in percentage points: `0.0124` → `+1.2`."""
    return f"{100 * value:+.1f}".replace("-", "−")  # a minus as wide as the plus


def format_duration(seconds: float) -> str:
    """`3.14` → `3.1 s`, `125` → `2 min 5 s`."""
    if seconds < 59.95:  # it would read 60.0 s
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _list_steps(steps: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    longest = max((summary.get("seconds", 0) for summary in steps.values()), default=0) or 1
    return [
        {
            "title": _TITLES.get(name, _to_words(name)),
            "result": _describe_result(summary),
            "seconds": summary.get("seconds", 0),
            "share": summary.get("seconds", 0) / longest,
            "is_skipped": bool(summary.get("skipped")),
        }
        for name, summary in steps.items()
    ]


def _describe_result(summary: Mapping[str, Any]) -> str:
    """What a step made, in one line, from the keys of its summary that a reader knows."""
    rows = summary.get("rows")
    facts = [
        _count(summary, "messages", "messages"),
        _count(summary, "clean", "clean messages"),
        ", ".join(f"{format_number(n)} {split}" for split, n in rows.items()) if isinstance(rows, Mapping) else "",
        _count(summary, "epochs", "epochs"),
        _count(summary, "ranks", "ranks"),
        _count(summary, "predictions", "predictions"),
        _count(summary, "rows_per_s", "rows/s"),
        _DECISIONS.get(summary.get("promoted"), ""),
    ]
    return " · ".join(fact for fact in facts if fact)


def _count(summary: Mapping[str, Any], key: str, unit: str) -> str:
    value = summary.get(key)
    return f"{format_number(value)} {unit}" if isinstance(value, int | float) else ""


def _list_rejections(clean: Mapping[str, Any]) -> list[dict[str, Any]]:
    rejected = sorted(clean.get("rejected", {}).items(), key=lambda item: (-item[1], item[0]))
    most = max((count for _, count in rejected), default=0) or 1
    return [{"reason": _to_words(reason), "count": count, "share": count / most} for reason, count in rejected]


def _compare(challenger: Evaluation, champion: Evaluation | None) -> list[dict[str, Any]]:
    names = {"accuracy": "Accuracy", "macro_f1": "Macro F1", "calibration_error": "Calibration error"}
    return [
        {
            "title": title,
            "challenger": getattr(challenger, key),
            "champion": getattr(champion, key) if champion else None,
            "gain": getattr(challenger, key) - getattr(champion, key) if champion else None,
            "is_better_low": key == "calibration_error",
        }
        for key, title in names.items()
    ]


def _list_changes(challenger: Evaluation, champion: Evaluation | None) -> list[tuple[IntentScore, float]]:
    """The intents whose F1 changed most, with the change; the best first."""
    before = {score.intent: score.f1 for score in champion.intents} if champion else {}
    changes = [(score, score.f1 - before[score.intent]) for score in challenger.intents if score.intent in before]
    changes = sorted((pair for pair in changes if pair[1]), key=lambda pair: -abs(pair[1]))[:8]
    return sorted(changes, key=lambda pair: -pair[1])


def _draw(data: ReportData) -> dict[str, Markup]:
    figures = {
        "loss": draw_learning_curve(data.history, "loss"),
        "accuracy": draw_learning_curve(data.history, "accuracy"),
        "confusions": draw_confusions(data.challenger),
        "calibration": draw_calibration(data.challenger),
    }
    return {name: Markup(to_svg(figure)) for name, figure in figures.items()}  # matplotlib escapes


def _split_placeholders(text: str) -> list[tuple[str, bool]]:
    """The text in parts, each with whether it is a placeholder."""
    parts = PLACEHOLDER.split(text)
    return [(part, bool(i % 2)) for i, part in enumerate(parts) if part]


def _to_words(name: str) -> str:
    """A key as one reads it: `not_korean` → `not Korean`."""
    return " ".join(_SPELLINGS.get(word, word) for word in name.split("_"))
