"""Make the staged version the champion, and put the champion into staging.

./spark-submit.sh swap_slots
"""

from dataclasses import asdict

from jobs.job import PlainJob, Summary, main_without_spark
from pipelines.io.model_slots import swap_slots
from pipelines.io.tracking import connect_mlflow

SECTIONS = ("mlflow",)


def run(job: PlainJob) -> Summary:
    name = job.settings.mlflow.intent_model
    return {"model": name, **asdict(swap_slots(connect_mlflow(job.settings.mlflow), name))}


if __name__ == "__main__":
    main_without_spark(__file__, run)
