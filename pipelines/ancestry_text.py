"""An output's ancestry as lines for a person."""

import json
from collections.abc import Iterator

from pipelines.io.ancestry import Ancestor
from pipelines.io.run_records import RunRecord


def describe_ancestor(ancestor: Ancestor) -> Iterator[str]:
    """What it is, which run made it, and what it was made from."""
    yield f"{ancestor.kind:<10} {ancestor.id}{'' if ancestor.is_known else '  is not in this store'}"
    if ancestor.is_known:
        yield f"{'':<10} made by {describe_run(ancestor.run)}"
    named = [f"{one.kind}/{one.id}" for one in ancestor.ancestors]
    inputs = [f"{name} {value}" for name, value in ancestor.inputs.items()]
    if named or inputs:
        yield f"{'':<10} made from {', '.join([*named, *inputs])}"
    if ancestor.facts:
        yield f"{'':<10} {json.dumps(ancestor.facts, ensure_ascii=False)}"


def describe_run(run: RunRecord | None) -> str:
    """Which run it is, whose, on which code and settings."""
    if run is None:
        return "a run that left no record in this store"
    application = f", application {run.application}" if run.application else ""
    return (
        f"{run.job} {run.run_id} of {run.user} ({run.status}), commit {run.commit[:12]}, settings {run.settings_id}"
        f"{application}"
    )
