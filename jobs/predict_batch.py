"""Predict the intent of every clean message with the champion, into Parquet and Redis.

./spark-submit.sh predict_batch input.path=… redis.url=redis://host:6379/0
"""

from jobs.job import Job, Summary, main
from jobs.lineage import find_clean
from pipelines.io.embedded_redis import redis_url
from pipelines.io.messages import read_clean_messages
from pipelines.io.predictions import publish_predictions, write_predictions_to_redis
from pipelines.io.registry import download_model
from pipelines.io.store import content_id
from pipelines.io.tracking import connect_mlflow
from pipelines.prediction import add_predictions, select_predictable

SECTIONS = ("input", "cleaning", "mlflow", "prediction", "redis")
