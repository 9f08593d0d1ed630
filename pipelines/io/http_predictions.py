"""Predictions by HTTP: one POST a message, answered as its prediction in Redis would read. Nothing is written."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from pipelines.http_messages import read_body
from pipelines.io.http_metrics import FAILED, GONE, OVERLOADED, PREDICTED, HttpMetrics
from pipelines.live_models import LiveModels
from pipelines.live_prediction import CleanMessage, Prediction, predict_clean, screen_message
from pipelines.micro_batches import BatchLimits, MicroBatches, TooManyWaitingError
from udfs.screening import ScreeningConfig

log = logging.getLogger(__name__)

Answer = tuple[str, int, str]  # the outcome, the status and the JSON of one request
_JSON = "application/json"


@dataclass(frozen=True)
class HttpRules:
    """What holds for each request."""

    screening: ScreeningConfig
    limits: BatchLimits
    max_bytes: int  # of a body


class HttpPredictions:
    """The routes and what they share.

    `find_models` is asked at the beginning of each batch; `find_refused`, for versions with the reason, by who looks.
    """

    def __init__(
        self, find_models: Callable[[], LiveModels], find_refused: Callable[[], Mapping[str, str]], rules: HttpRules
    ) -> None:
        self._find_models, self._find_refused, self._rules = find_models, find_refused, rules
        self._batches = MicroBatches(self._predict_batch, rules.limits)
        self._metrics = HttpMetrics(lambda: find_models().slots, find_refused)

    async def predict(self, request: Request) -> Response:
        started = time.perf_counter()
        try:
            body = await self._receive(request)
        except ClientDisconnect:
            outcome, status, content = _refuse(GONE, 400)  # counted, though nobody reads it
        else:
            outcome, status, content = await self._answer(body)
        self._metrics.count(outcome)
        self._metrics.seconds.observe(time.perf_counter() - started)
        return Response(content, status, media_type=_JSON)

    async def health(self) -> Response:
        return JSONResponse({"status": "ready", **self.describe()})

    async def show_metrics(self) -> Response:
        return Response(self._metrics.write(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def describe(self) -> dict[str, Any]:
        """The versions that predict, and those that were refused with the reason."""
        return {"slots": self._find_models().slots, "refused_models": dict(self._find_refused())}

    def summarize(self) -> dict[str, Any]:
        """What became of the requests."""
        return {**self._metrics.summarize(), **self.describe()}

    async def _receive(self, request: Request) -> bytes:
        """The body, or a part of it that is too long already."""
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._rules.max_bytes:
                break
        return body

    async def _answer(self, body: bytes) -> Answer:
        row = read_body(body, max_bytes=self._rules.max_bytes, received_at=datetime.now(timezone.utc))
        text, reason = screen_message(row, self._rules.screening)
        if reason:
            return _refuse(reason, 422)
        try:
            prediction = await self._batches.ask(CleanMessage(row, text))
        except TooManyWaitingError:
            return _refuse(OVERLOADED, 503)
        except Exception as error:  # its text may hold what was said
            log.error("a request failed: %s", type(error).__name__)
            return _refuse(FAILED, 500)
        self._metrics.count_prediction(prediction.version)
        return PREDICTED, 200, prediction.value

    def _predict_batch(self, messages: Sequence[CleanMessage]) -> list[Prediction]:
        self._metrics.batch_rows.observe(len(messages))
        return predict_clean(messages, self._find_models())


def create_app(predictions: HttpPredictions) -> FastAPI:
    """POST /predict, GET /health and /metrics."""
    app = FastAPI(title="malgil", openapi_url=None)
    app.add_route("/predict", predictions.predict, methods=["POST"])  # Starlette's: FastAPI's own costs 17 us more
    app.add_api_route("/health", predictions.health)
    app.add_api_route("/metrics", predictions.show_metrics)
    return app


def _refuse(reason: str, status: int) -> Answer:
    return reason, status, f'{{"reason":"{reason}"}}'
