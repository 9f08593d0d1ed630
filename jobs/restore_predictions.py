"""Write predictions back to a Redis that lost them, from Kafka's chat.predictions.

./spark-submit.sh restore_predictions kafka.bootstrap_servers=host:9092 redis.url=redis://host:6379/0

Those of the last redis.ttl_s, as far as Kafka keeps them. What stands in Redis stays, so it may run beside
predict_stream, and again after a failure. Texts for feedback do not stand in Kafka: they stay lost.
"""

from datetime import timedelta

from jobs.job import Job, Summary, main
from pipelines.io.kafka_topics import make_topics, read_predictions_topic
from pipelines.io.predictions import restore_predictions

SECTIONS = ("redis", "kafka")


def run(job: Job) -> Summary:
    redis, kafka = job.settings.redis, job.settings.kafka
    make_topics(kafka)
    since = job.now - timedelta(seconds=redis.ttl_s)
    writes = restore_predictions(read_predictions_topic(job.spark, kafka, since=since), redis)
    return {"since": since.isoformat(timespec="seconds"), "records": writes.predictions, "restored": writes.changed}


if __name__ == "__main__":
    main(__file__, run)
