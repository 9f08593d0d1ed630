"""Show runs, models and live numbers in the browser, and a page to talk to the bot, until it is stopped.

./spark-submit.sh console live.metrics_port=9401

Prints its address. It listens on loopback only, unless the environment holds a token (console.token_env) that people
sign in with; docs/console.md has the details. SIGTERM and Ctrl-C end it.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial

from starlette.types import ASGIApp

from jobs.job import PlainJob, Summary, main_without_spark
from jobs.job_spec import list_specs
from jobs.run_control import cancel_run, start_run
from jobs.stopping import stop_requests
from jobs.submission import PROJECT
from pipelines.console import check_address
from pipelines.console_rendering import Pages
from pipelines.io.chat_rooms import ChatRooms
from pipelines.io.console_access import Access
from pipelines.io.console_app import create_app
from pipelines.io.console_chat import ChatPage
from pipelines.io.console_frame import Frame
from pipelines.io.console_live import LiveSources, live_routes
from pipelines.io.console_models import model_routes
from pipelines.io.console_runs import run_routes
from pipelines.io.http_server import open_socket, run_server
from pipelines.io.model_actions import ModelActions
from pipelines.io.registered_models import RegisteredModels
from pipelines.io.run_actions import RunActions, RunControl
from pipelines.io.store import Store
from pipelines.io.stream_numbers import metrics_url

SECTIONS = ("mlflow", "redis", "kafka", "cleaning", "live", "console")
_STOP_TIMEOUT_S = 3  # open chat pages end by themselves a second after it is asked for


def run(job: PlainJob) -> Summary:
    console, settings = job.settings.console, job.settings
    token = os.environ.pop(console.token_env, None)  # the runs that it begins need not know it
    check_address(console, token)
    rooms = ChatRooms(
        settings.kafka, settings.redis, settings.cleaning.screening, max_bytes=settings.live.max_message_bytes,
        timeout_s=console.timeout_s,
    )  # fmt: skip
    with stop_requests() as is_over, closing(rooms), open_socket(console.host, console.port, section="console") as at:
        run_server(
            _create_app(job, rooms, token, is_over), at, stop_timeout_s=_STOP_TIMEOUT_S, is_over=is_over,
            begin=lambda url: job.progress.note(json.dumps({"url": url})),
        )  # fmt: skip
    return {}


def _create_app(job: PlainJob, rooms: ChatRooms, token: str | None, is_over: Callable[[], bool]) -> ASGIApp:
    console, settings = job.settings.console, job.settings
    access = Access(console, token)
    frame, models = Frame(Pages(), access), RegisteredModels(settings.mlflow)
    sources = LiveSources(
        store=job.store, mlflow=settings.mlflow, redis=settings.redis, kafka=settings.kafka,
        metrics_url=metrics_url(settings.live.metrics_host, settings.live.metrics_port),
        resource_manager=console.resource_manager, timeout_s=console.timeout_s,
    )  # fmt: skip
    chat = ChatPage(frame, access, rooms, models.intents, answer_s=console.answer_s, is_over=is_over)
    routers = [
        chat.routes(),
        run_routes(frame, access, RunActions(_control_runs(job.store), job.store), PROJECT / "var" / "logs"),
        model_routes(frame, access, ModelActions(models, job.store, job.events)),
        live_routes(frame, sources),
    ]
    return create_app(frame, access, routers)


def _control_runs(store: Store) -> RunControl:
    """Runs begun here have the console's own settings over those of their spec: the same store, Redis and MLflow."""
    own = [argument for argument in sys.argv[1:] if not argument.startswith("console.")]
    conf = ["--conf", os.environ.get("MALGIL_CONF", "local")]  # where a run that is done again is looked for

    def start(what: str, of: str) -> str:
        return start_run([what, of, *(conf if what == "retry" else []), *own])

    return RunControl(list_specs(), start, partial(cancel_run, store))


if __name__ == "__main__":
    main_without_spark(__file__, run, has_steps=True, in_mlflow=False)
