"""The nightly run: generate (with no data given), clean, build, train, evaluate and promote, predict, report.

A step whose output stands already is skipped, so a run that was killed goes on where it was. Of the same day's runs one
goes at a time: another one fails and names it.

./spark-submit.sh nightly dataset=massive_ko data_root=../shared/data
./spark-submit.sh nightly task=complaint
./spark-submit.sh nightly day=yesterday input.path='hdfs://host:8020/chat/raw/day={day}'
"""

from dataclasses import asdict
from typing import Any

from jobs import (
    build_training_set,
    clean_messages,
    evaluate_intent,
    generate_messages,
    predict_batch,
    train_intent,
)
from jobs.job import Job, Summary, main, run_step
from jobs.lineage import generated_id
from jobs.nightly_report import write_nightly_report
from pipelines.io.run_turns import take_turn
from pipelines.io.store import content_id
from pipelines.settings import INTENT, Settings

SECTIONS = (
    "generator", "input", "cleaning", "training_set", "network", "training", "distillation", "mlflow", "promotion",
    "feedback", "prediction", "redis",
)  # fmt: skip


def run(job: Job) -> Summary:
    take_turn(job.store, _name_day(job), job.maker)
    steps = (*list_preparations(job.settings), train_intent, evaluate_intent, *_list_predictions(job.settings))
    summaries = {name_of(step): run_step(job, name_of(step), step.run) for step in steps}
    report = run_step(job, "report", lambda job: write_nightly_report(job, summaries))
    return _summarize({**summaries, "report": report})


def _name_day(job: Job) -> str:
    """What no two runs work on at a time: what is trained for, on which messages."""
    settings = job.settings
    source = asdict(settings.input) if settings.input.path else generated_id(job)
    return f"{job.name}-{settings.task}-{content_id(settings.day, source)}"


def list_preparations(settings: Settings) -> tuple[Any, ...]:
    """The jobs that lead to a training set."""
    made = () if settings.input.path else (generate_messages,)
    return (*made, clean_messages, build_training_set)


def name_of(step: Any) -> str:
    """A job's name, of its module."""
    return str(step.__name__.rpartition(".")[2])


def _list_predictions(settings: Settings) -> tuple[Any, ...]:
    """Predictions are about intents: the champion of another task is asked by the runs that predict those."""
    return (predict_batch,) if settings.task == INTENT else ()


def _summarize(summaries: dict[str, Summary]) -> Summary:
    seconds = {name: summary["seconds"] for name, summary in summaries.items()}
    details: dict[str, Any] = {name: _brief(summary) for name, summary in summaries.items() if name != "report"}
    decision = summaries["evaluate_intent"]
    return {
        **details,
        "promoted": decision["promoted"],
        "report": summaries["report"]["report"],
        "seconds": seconds,
    }


def _brief(summary: Summary) -> Summary:
    return {key: value for key, value in summary.items() if key not in ("history", "seconds")}


if __name__ == "__main__":
    main(__file__, run, has_steps=True)
