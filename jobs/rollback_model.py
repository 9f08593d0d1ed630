"""Make the champion before the champion again; no nightly run promotes the one that goes by itself.

./spark-submit.sh rollback_model
"""

from dataclasses import asdict

from jobs.job import PlainJob, Summary, main_without_spark
from pipelines.events import EventKind
from pipelines.io.model_slots import read_slots, roll_back
from pipelines.io.tracking import connect_mlflow

SECTIONS = ("mlflow",)


def run(job: PlainJob) -> Summary:
    tracking, name = connect_mlflow(job.settings.mlflow), job.settings.mlflow.intent_model
    with job.events.telling(EventKind.ROLLED_BACK, model=name, version=read_slots(tracking, name).production):
        slots = roll_back(tracking, name, job.now)
    return {"model": name, **asdict(slots)}


if __name__ == "__main__":
    main_without_spark(__file__, run)
