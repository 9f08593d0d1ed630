"""The console's pages as HTML, in Korean or English, and the files that they need; all of it is in this package."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines.io.traced_messages import read_time
from pipelines.report import format_duration, format_number, format_share

LANGUAGES = ("ko", "en")
_FOLDER = Path(__file__).parent / "console_pages"
_STYLE = Path(__file__).parent / "style.css.j2"  # the report's
_ASSETS = {"chat.js": "text/javascript", "refresh.js": "text/javascript", "icon.svg": "image/svg+xml"}
_MAX_CHARS = 300  # of a value in a table
_PREFERENCE = re.compile(r"([a-zA-Z]+)[\w-]*(?:;\s*q=([\d.]+))?")


class Pages:
    """The templates and the texts, read once."""

    def __init__(self) -> None:
        folders = FileSystemLoader(_FOLDER)
        self._environment = Environment(
            loader=folders, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.filters |= {
            "number": format_number, "share": format_share, "duration": format_duration, "segment": _quote,
            "time": _format_time, "shortened": _shorten,
        }  # fmt: skip
        self._texts = {language: read_texts(language) for language in LANGUAGES}

    def render(self, name: str, language: str, **values: Any) -> str:
        """The template's HTML. Raises jinja2's UndefinedError where it misses a value or a text."""
        texts = self._texts[language]
        return self._environment.get_template(f"{name}.html.j2").render(t=texts, language=language, **values)

    def texts(self, language: str) -> dict[str, str]:
        """The words, by name."""
        return self._texts[language]


def read_texts(language: str) -> dict[str, str]:
    """The words of the pages, by name."""
    return dict(yaml.safe_load((_FOLDER / f"{language}.yaml").read_text(encoding="utf8")))


def read_assets() -> dict[str, tuple[str, str]]:
    """Content and media type of each file that pages name."""
    style = _STYLE.read_text(encoding="utf8") + (_FOLDER / "console.css").read_text(encoding="utf8")
    others = {name: ((_FOLDER / name).read_text(encoding="utf8"), kind) for name, kind in _ASSETS.items()}
    return {"console.css": (style, "text/css"), **others}


def choose_language(asked: str | None, kept: str | None, accepted: str | None) -> str:
    """The one that is asked for, else the one that was before, else the browser's first that there is, else English."""
    known = (language for language in (asked, kept) if language in LANGUAGES)
    return next(known, None) or _preferred(accepted or "")


def latency_ms(prediction: Mapping[str, Any]) -> int | None:
    """From a prediction's `sent_at` to its `predicted_at`; None where it does not say when it was sent."""
    if not prediction["sent_at"]:
        return None
    sent_at, predicted_at = (read_time(prediction[name]) for name in ("sent_at", "predicted_at"))
    return round((predicted_at - sent_at).total_seconds() * 1000)


def _preferred(accepted: str) -> str:
    """The best of an Accept-Language header."""
    found = [(float(weight or 1), language.lower()) for language, weight in _PREFERENCE.findall(accepted)]
    known = [(weight, language) for weight, language in found if language in LANGUAGES and weight > 0]
    return max(known, key=lambda pair: pair[0], default=(0, "en"))[1]


def _quote(text: str) -> str:
    """As one segment of a path."""
    return quote(text, safe="")


def _shorten(value: object) -> str:
    """As one line that a table holds."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MAX_CHARS else f"{text[:_MAX_CHARS]} …"


def _format_time(text: str) -> str:
    """An ISO time as a person reads it, in UTC as it stands in the records."""
    return f"{read_time(text):%Y-%m-%d %H:%M:%S}"
