"""The names of settings, `section.key`, and the nearest one that exists to a name that does not."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any


def setting_names(section: Any, prefix: str = "") -> Iterator[str]:
    """Every name in a section (a dataclass or one of its objects), sections before what is in them."""
    instance = section() if isinstance(section, type) else section
    for item in fields(instance):
        value = getattr(instance, item.name)
        yield prefix + item.name
        if is_dataclass(value):
            yield from setting_names(value, f"{prefix}{item.name}.")


def hint_at(name: str, known: Iterable[str]) -> str:
    """What to do about a name that does not exist: the nearest known one, or where they are listed."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else "see --help for the settings there are"
