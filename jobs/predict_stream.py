"""Predict live messages with the champion, from Kafka into Redis and back to Kafka, until it is stopped.

./spark-submit.sh predict_stream kafka.bootstrap_servers=host:9092 redis.url=redis://host:6379/0

Each message has its prediction in Redis once and for all, and in Kafka at least once; docs/live.md says what holds
when. SIGTERM and Ctrl-C end it behind the micro-batch that it is in, and it goes on from there when it starts again.
"""

import time
from functools import partial

from jobs.job import Job, Summary, main
from jobs.live_models import name_models, source_models, tell_refusal
from jobs.stopping import stop_requests
from pipelines.io.kafka_topics import make_topics, read_messages_topic, write_records
from pipelines.io.live_checkpoint import open_checkpoint
from pipelines.io.live_query import run_query
from pipelines.io.live_releases import releasing
from pipelines.io.live_report import LiveReport
from pipelines.io.live_worker import LiveWorker, predict_live, warm_workers
from pipelines.io.metrics_server import LiveMetrics, serve_metrics
from pipelines.io.profiles import read_profile
from pipelines.io.redis_connection import connect_redis
from pipelines.io.tracking import connect_mlflow
from pipelines.live_counts import create_counts
from pipelines.live_drift import LiveDrift
from pipelines.live_messages import parse_records
from pipelines.speculation import without_speculation

SECTIONS = (
    "cleaning", "training_set", "mlflow", "bots", "knowledge", "prediction", "replies", "redis", "kafka", "live",
    "drift",
)  # fmt: skip


def run(job: Job) -> Summary:
    settings, kafka, live = job.settings, job.settings.kafka, job.settings.live
    make_topics(kafka)
    checkpoint = open_checkpoint(live.checkpoint or job.store.url("live", "checkpoint"), topic=kafka.messages)
    redis, tracking = connect_redis(settings.redis, job.spark), connect_mlflow(settings.mlflow)
    counts = create_counts(job.spark.sparkContext)
    raw = read_messages_topic(job.spark, kafka, live.source_options())
    messages = parse_records(raw, max_bytes=live.max_message_bytes, speakers=settings.training_set.speakers)
    released = releasing(
        tracking, job.store, name_models(settings), look_every_s=live.look_every_s,
        with_staging=live.staging_percent > 0, on_refusal=partial(tell_refusal, job),
    )  # fmt: skip
    with stop_requests() as is_over, released as releases:
        models = source_models(settings, releases.folder, job.store)
        worker = LiveWorker(models, settings.cleaning.screening, redis, settings.redis, kafka, live.keep_texts)
        records = predict_live(messages, worker, counts)
        drift = LiveDrift(
            lambda: counts.value.copy(), lambda: releases.output_ids, partial(read_profile, job.store), settings.drift
        )  # fmt: skip
        report = LiveReport(counts, releases, drift, job.progress, every_s=live.report_every_s)
        metrics = LiveMetrics(counts, releases, drift)
        with (
            serve_metrics(metrics, host=live.metrics_host, port=live.metrics_port) as url,
            warm_workers(job.spark, models),
            without_speculation(job.spark),  # a task's copy would write twice
        ):
            job.progress.note(f"{job.name:<20} metrics at {url}")
            write, look = partial(write_records, config=kafka), lambda _: drift.look(time.monotonic())
            run_query(records, checkpoint, live, write=write, is_over=is_over, ticks=(look, report.tick, metrics.tick))
    return report.summarize()


if __name__ == "__main__":
    main(__file__, run, has_steps=True)
