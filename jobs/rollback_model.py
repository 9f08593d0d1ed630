"""Make the champion before the champion again; no nightly run promotes the one that goes by itself.

./spark-submit.sh rollback_model
"""

from dataclasses import asdict

from jobs.job import PlainJob, Summary, main_without_spark
from pipelines.io.model_slots import roll_back
from pipelines.io.tracking import connect_mlflow

SECTIONS = ("mlflow",)


def run(job: PlainJob) -> Summary:
    name = job.settings.mlflow.intent_model
    return {"model": name, **asdict(roll_back(connect_mlflow(job.settings.mlflow), name, job.now))}


if __name__ == "__main__":
    main_without_spark(__file__, run)
