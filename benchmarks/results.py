"""What a benchmark measured, as a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_results(output: Path | None, results: Mapping[str, Any]) -> None:
    """As JSON, where an output was asked for; its folder is made."""
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(results, indent=1), encoding="utf8")
