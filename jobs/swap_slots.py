"""Make the staged version the champion, and put the champion into staging.

./spark-submit.sh swap_slots
"""

from dataclasses import asdict

from jobs.job import PlainJob, Summary, main_without_spark
from pipelines.events import EventKind
from pipelines.io.model_slots import read_slots, swap_slots
from pipelines.io.tracking import connect_mlflow

SECTIONS = ("mlflow",)


def run(job: PlainJob) -> Summary:
    tracking, name = connect_mlflow(job.settings.mlflow), job.settings.mlflow.intent_model
    staged = read_slots(tracking, name).staging
    with job.events.telling(EventKind.PROMOTED, model=name, version=staged, reason="it was swapped in by hand"):
        slots = swap_slots(tracking, name)
    return {"model": name, **asdict(slots)}


if __name__ == "__main__":
    main_without_spark(__file__, run)
