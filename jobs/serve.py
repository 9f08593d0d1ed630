"""Predict messages by HTTP with the champion, until it is stopped.

./spark-submit.sh serve serve.host=0.0.0.0 serve.port=8080

POST /predict answers with the prediction of one message, GET /health and /metrics say how it goes; docs/live.md has
the details. SIGTERM and Ctrl-C end it when the requests in flight are answered.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from jobs.job import PlainJob, Summary, main_without_spark
from jobs.live_models import name_models, source_models, tell_refusal
from jobs.stopping import stop_requests
from pipelines.io.followed_models import FollowedModels, following_models
from pipelines.io.http_predictions import HttpPredictions, HttpRules, create_app
from pipelines.io.http_server import open_socket, run_server
from pipelines.io.live_releases import LiveReleases, releasing
from pipelines.io.shared_model import import_tensorflow
from pipelines.io.store import Store, StoreConfig
from pipelines.io.tracking import connect_mlflow
from pipelines.micro_batches import BatchLimits
from pipelines.settings import Settings

SECTIONS = ("cleaning", "mlflow", "bots", "knowledge", "prediction", "replies", "live", "serve")


def run(job: PlainJob) -> Summary:
    serve = job.settings.serve
    with (
        stop_requests() as is_over,
        open_socket(serve.host, serve.port) as opened,
        _follow(job) as (followed, releases),
    ):
        predictions = HttpPredictions(lambda: followed.current, lambda: releases.refused, _rules(job.settings))
        run_server(
            create_app(predictions), opened, stop_timeout_s=serve.stop_timeout_s, is_over=is_over,
            begin=lambda url: job.progress.note(json.dumps({"url": url, **predictions.describe()})),
        )  # fmt: skip
    return predictions.summarize()


@contextmanager
def _follow(job: PlainJob) -> Iterator[tuple[FollowedModels, LiveReleases]]:
    """The slots' models, in a store of this server's own: those of predict_stream and of other servers stay theirs."""
    settings, live = job.settings, job.settings.live
    own_store = Store(StoreConfig(root=f"{settings.serve.folder}/{settings.serve.port}"))
    tracking, names = connect_mlflow(settings.mlflow), name_models(settings)
    import_tensorflow(threads=settings.serve.threads)
    released = releasing(
        tracking, own_store, names, look_every_s=live.look_every_s, with_staging=live.staging_percent > 0,
        on_refusal=partial(tell_refusal, job),
    )  # fmt: skip
    with released as releases, following_models(source_models(settings, releases.folder, job.store)) as followed:
        yield followed, releases


def _rules(settings: Settings) -> HttpRules:
    serve = settings.serve
    limits = BatchLimits(serve.batch_rows, serve.max_waiting, serve.wait_ms / 1000)
    return HttpRules(settings.cleaning.screening, limits, settings.live.max_message_bytes)


if __name__ == "__main__":
    main_without_spark(__file__, run, has_steps=True)
