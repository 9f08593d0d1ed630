"""Predict the intent of every clean message with the champion, and suggest answers, into Parquet and Redis.

Answers are chosen, or written (`replies.source`), by the champion of that kind of model, if there is one.
Models of further tasks (`mlflow.label_models`) that have a champion add their `labels`, and one of `mlflow.slots_model`
the `slots`.

./spark-submit.sh predict_batch input.path=… redis.url=redis://host:6379/0
"""

import time

from jobs.batch_models import find_models
from jobs.job import Job, Summary, main
from jobs.lineage import find_clean
from pipelines.io.messages import read_clean_messages
from pipelines.io.predictions import are_published, publish_predictions, read_address
from pipelines.io.store import content_id
from pipelines.training_set import select_speakers

SECTIONS = ("input", "cleaning", "training_set", "mlflow", "bots", "knowledge", "prediction", "replies", "redis")


def run(job: Job) -> Summary:
    settings, started = job.settings, time.monotonic()
    clean, models = find_clean(job), find_models(job)
    output = content_id(clean["id"], *models.identify(settings))
    skipped = are_published(job.store, output, settings.redis, job.spark)
    read = read_clean_messages(job.spark, job.store.url("clean", clean["id"]))
    predictions = models.predict(select_speakers(read, settings.training_set), settings, predicted_at=job.now)
    store = job.store.made_from(clean=clean["id"], **models.origin)
    counts = publish_predictions(store, output, predictions, settings.redis)
    rate = round(counts["predictions"] / (time.monotonic() - started))
    return {
        "predictions": counts["predictions"], "rows_per_s": rate, "redis_keys": counts["predictions"],
        "out_of_scope": counts["out_of_scope"], **models.told, "redis": read_address(settings.redis, job.spark),
        "output": job.store.url("predictions", output), "skipped": skipped,
    }  # fmt: skip


if __name__ == "__main__":
    main(__file__, run)
