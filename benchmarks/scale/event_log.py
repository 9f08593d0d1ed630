"""Bytes that Spark's tasks moved, from the event log: what a history server reads as well."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class _Task:
    stage: int
    ended_at: float
    moved: dict[str, int]


def add_traffic(log: Path, steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps, each with the bytes that tasks moved between its `started_at` and its `ended_at`."""
    tasks = list(_read_tasks(log))
    return [
        {**step, **_sum([t for t in tasks if step["started_at"] <= t.ended_at <= step["ended_at"]])} for step in steps
    ]


def _sum(tasks: Sequence[_Task]) -> dict[str, Any]:
    """In all, and what each stage's shuffle wrote."""
    moved, by_stage = Counter[str](), Counter[int]()
    for task in tasks:
        moved.update(task.moved)
        by_stage[task.stage] += task.moved["shuffle_written"]
    shuffles = {str(stage): written for stage, written in sorted(by_stage.items()) if written}
    return {"tasks": len(tasks), "bytes": dict(moved), "shuffle_written_by_stage": shuffles}


def _read_tasks(log: Path) -> Iterator[_Task]:
    with log.open(encoding="utf8") as lines:
        for line in lines:
            event = json.loads(line)
            if event["Event"] == "SparkListenerTaskEnd" and (metrics := event.get("Task Metrics")):
                yield _Task(event["Stage ID"], event["Task Info"]["Finish Time"] / 1000, _count(metrics))


def _count(metrics: dict[str, Any]) -> dict[str, int]:
    reads = metrics["Shuffle Read Metrics"]
    return {
        "input": metrics["Input Metrics"]["Bytes Read"],
        "output": metrics["Output Metrics"]["Bytes Written"],
        "shuffle_written": metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"],
        "shuffle_read": reads["Remote Bytes Read"] + reads["Local Bytes Read"],
        "spilled": metrics["Disk Bytes Spilled"],
    }
