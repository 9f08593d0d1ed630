"""The pages of what is going on: the stream's numbers, YARN's queues, and where one prediction came from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pipelines.ancestry_text import describe_run
from pipelines.errors import MalgilError
from pipelines.io.console_frame import Frame
from pipelines.io.kafka_topics import KafkaConfig
from pipelines.io.message_traces import MessageTrace, trace_message
from pipelines.io.redis_connection import RedisConfig
from pipelines.io.store import Store
from pipelines.io.stream_numbers import read_stream_numbers
from pipelines.io.tracking import MlflowConfig
from pipelines.io.yarn_queues import find_resource_manager, read_cluster

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class LiveSources:
    """Where these pages look."""

    store: Store
    mlflow: MlflowConfig
    redis: RedisConfig
    kafka: KafkaConfig
    metrics_url: str | None  # of predict_stream; None where the settings name no port
    resource_manager: str  # a URL; empty: that of HADOOP_CONF_DIR
    timeout_s: float


def live_routes(frame: Frame, sources: LiveSources) -> APIRouter:
    """GET /stream, /queues and /trace. What does not answer is a line on its page."""
    router = APIRouter()

    @router.get("/stream", response_class=HTMLResponse)
    def show_stream(request: Request) -> str:
        url = sources.metrics_url
        numbers, line = _ask(lambda: read_stream_numbers(url, timeout_s=sources.timeout_s) if url else None)
        return frame.render(request, "stream", numbers=numbers, line=line, url=url)

    @router.get("/queues", response_class=HTMLResponse)
    def show_queues(request: Request) -> str:
        url = find_resource_manager(sources.resource_manager)
        cluster, line = _ask(lambda: read_cluster(url, timeout_s=sources.timeout_s) if url else None)
        return frame.render(request, "queues", url=url, cluster=cluster, line=line)

    @router.get("/trace", response_class=HTMLResponse)
    def show_trace(request: Request, message_id: str = "") -> str:
        trace, line = _ask(lambda: _trace(sources, message_id) if message_id else None)
        values = {"message_id": message_id, "trace": trace, "line": line, "describe_run": describe_run}
        return frame.render(request, "trace", **values)

    return router


def _trace(sources: LiveSources, message_id: str) -> MessageTrace:
    return trace_message(sources.store, message_id, mlflow=sources.mlflow, redis=sources.redis, kafka=sources.kafka)


def _ask(question: Callable[[], Answer]) -> tuple[Answer | None, str]:
    """The answer, or the line that says why there is none."""
    try:
        return question(), ""
    except MalgilError as error:
        return None, str(error)
