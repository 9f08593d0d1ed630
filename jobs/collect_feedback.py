"""File corrections of predictions in the store, from Kafka's feedback topic, until it is stopped.

./spark-submit.sh collect_feedback kafka.bootstrap_servers=host:9092 redis.url=redis://host:6379/0

A correction names a message and the intent that is right; it is filed with the clean text that was predicted, once.
learn_from_feedback and the nightly run learn from what is filed. It ends and goes on as predict_stream does.
"""

from dataclasses import replace
from datetime import datetime

from jobs.job import Job, Summary, main
from jobs.stopping import stop_requests
from pipelines.day import KOREA
from pipelines.io.feedback_filing import FeedbackFiling, FeedbackReport
from pipelines.io.feedback_worker import FeedbackWorker
from pipelines.io.kafka_topics import make_topics, read_feedback_topic
from pipelines.io.live_checkpoint import open_checkpoint
from pipelines.io.live_query import run_query
from pipelines.io.redis_connection import connect_redis

SECTIONS = ("redis", "kafka", "live", "feedback")


def run(job: Job) -> Summary:
    settings, kafka, feedback = job.settings, job.settings.kafka, job.settings.feedback
    live = replace(settings.live, trigger_s=feedback.trigger_s)
    make_topics(kafka)
    folder = feedback.checkpoint or job.store.url("live", "feedback-checkpoint")
    checkpoint = open_checkpoint(folder, topic=kafka.feedback, setting="feedback.checkpoint")
    redis = connect_redis(settings.redis, job.spark)
    worker = FeedbackWorker(redis, settings.redis, feedback.wait_s, live.max_message_bytes)
    filing = FeedbackFiling(job.store, worker, kafka, today=lambda: datetime.now(KOREA).date())
    report = FeedbackReport(filing, job.progress, every_s=live.report_every_s)
    records = read_feedback_topic(job.spark, kafka, live.source_options())
    with stop_requests() as is_over:
        run_query(
            records, checkpoint, live, write=filing.write_batch, is_over=is_over, ticks=(report.tick,), name=job.name
        )
    return report.summarize()


if __name__ == "__main__":
    main(__file__, run, has_steps=True)
