"""Put a version into staging, so that a share of the rooms (`live.staging_percent`) is predicted by it.

./spark-submit.sh stage_model slots.version=7
"""

from dataclasses import asdict

from jobs.job import PlainJob, Summary, main_without_spark
from pipelines.events import EventKind
from pipelines.io.model_slots import stage
from pipelines.io.tracking import connect_mlflow

SECTIONS = ("mlflow", "slots")


def run(job: PlainJob) -> Summary:
    name = job.settings.mlflow.intent_model
    slots = stage(connect_mlflow(job.settings.mlflow), name, job.settings.slots.version)
    if slots.staging is not None:
        job.events.tell(EventKind.STAGED, model=name, version=slots.staging)
    return {"model": name, **asdict(slots)}


if __name__ == "__main__":
    main_without_spark(__file__, run)
