"""The chat page: what a person says goes out by a form, predictions come in as server-sent events of rendered HTML."""

import asyncio
import json
import logging
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from pipelines.console_rendering import latency_ms
from pipelines.errors import MalgilError
from pipelines.io.chat_rooms import FROM_START, ChatRooms, Heard, NotSaidError
from pipelines.io.console_access import Access
from pipelines.io.console_frame import Frame

log = logging.getLogger(__name__)

_ROOM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ENTRY = re.compile(r"\d{1,20}-\d{1,20}")
_AGAIN_S = 2.0  # before Redis is asked again after it failed
FindIntents = Callable[[], Sequence[str]]


@dataclass
class _Place:
    """How far a page has heard, and whether Redis answered it last."""

    entry: str
    is_well: bool = True


class ChatPage:
    """The routes of the page and what they share.

    `find_intents` names those that a correction may choose; none where the registry does not answer. `is_over` ends the
    events.
    """

    def __init__(
        self, frame: Frame, access: Access, rooms: ChatRooms, find_intents: FindIntents, *, answer_s: float,
        is_over: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._frame, self._access, self._rooms = frame, access, rooms
        self._find_intents, self._answer_s, self._is_over = find_intents, answer_s, is_over

    def routes(self) -> APIRouter:
        """GET /chat and /chat/{room}; POST what is said and corrections to it; GET its predictions as events."""
        router = APIRouter()
        router.add_api_route("/chat", self.open_room)
        router.add_api_route("/chat/{room}", self.show_room, response_class=HTMLResponse)
        router.add_api_route("/chat/{room}/messages", self.say, methods=["POST"])
        router.add_api_route("/chat/{room}/corrections", self.correct, methods=["POST"])
        router.add_api_route("/chat/{room}/events", self.listen)
        return router

    async def open_room(self, request: Request) -> RedirectResponse:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/chat/{secrets.token_urlsafe(12)}{query}", 303)

    def show_room(self, request: Request, room: str, bot_id: str = "") -> str:
        _check_room(room)
        values = {"room": room, "bot_id": bot_id, "answer_s": self._answer_s, "intents": self._find_intents()}
        return self._frame.render(request, "chat", **values)

    async def say(self, request: Request, room: str) -> JSONResponse:
        _check_room(room)
        fields, texts = await self._access.read_form(request), self._frame.texts(request)
        text, bot_id = fields.get("text", ""), fields.get("bot_id") or None
        try:
            message_id = await run_in_threadpool(self._rooms.say, room, text, bot_id=bot_id)
        except NotSaidError as error:
            reason = str(error)
            return JSONResponse({"line": texts.get(f"not_said_{reason}") or f"{texts['not_said']}: {reason}"}, 422)
        except MalgilError as error:
            return _tell_silence(texts, error)
        return JSONResponse({"message_id": message_id})

    async def correct(self, request: Request, room: str) -> JSONResponse:
        _check_room(room)
        fields, texts = await self._access.read_form(request), self._frame.texts(request)
        message_id, intent = fields.get("message_id", ""), fields.get("intent", "")
        known = await run_in_threadpool(self._find_intents)
        if not message_id or not intent or (known and intent not in known):
            return JSONResponse({"line": texts["unknown_intent"]}, 422)
        try:
            await run_in_threadpool(self._rooms.correct, message_id, intent)
        except MalgilError as error:
            return _tell_silence(texts, error)
        return JSONResponse({"intent": intent})

    async def listen(self, request: Request, room: str) -> StreamingResponse:
        _check_room(room)
        last = request.headers.get("last-event-id", FROM_START)
        after = last if _ENTRY.fullmatch(last) else FROM_START
        events = _write_events(self._frame, request, self._rooms, room, after, self._is_over)
        return StreamingResponse(events, media_type="text/event-stream")


def _tell_silence(texts: Mapping[str, str], error: MalgilError) -> JSONResponse:
    log.warning("Kafka took nothing: %s", error)
    return JSONResponse({"line": f"{texts['kafka_is_silent']} {error}"}, 503)


async def _write_events(
    frame: Frame, request: Request, rooms: ChatRooms, room: str, after: str, is_over: Callable[[], bool]
) -> AsyncGenerator[str, None]:
    """The room's predictions as they come; `trouble` while Redis does not answer, `ready` when it does again."""
    place = _Place(after)
    while not is_over():
        events = _follow_room(frame, request, rooms, room, place)
        async with aclosing(events):
            async for event in events:
                yield event
                if is_over():
                    return
        await asyncio.sleep(_AGAIN_S)


async def _follow_room(
    frame: Frame, request: Request, rooms: ChatRooms, room: str, place: "_Place"
) -> AsyncGenerator[str, None]:
    """Events until Redis fails, which is the last one."""
    kind = "ready"
    try:
        async with aclosing(rooms.follow(room, place.entry)) as news:
            async for heard in news:
                for one in heard:
                    yield _write_event("prediction", _describe(frame, request, one), entry=one.entry)
                    place.entry = one.entry
                place.is_well = True
                yield _write_event(kind, {})
                kind = "still_here"  # a page hears nothing of it, but a reader who is gone is noticed
    except MalgilError as error:
        if place.is_well:
            log.warning("room events: %s", error)
        place.is_well = False
        yield _write_event("trouble", {"line": f"{frame.texts(request)['redis_is_silent']} {error}"})


def _describe(frame: Frame, request: Request, heard: Heard) -> dict[str, str]:
    prediction = heard.prediction
    values = {"prediction": prediction, "text": heard.text, "latency_ms": latency_ms(prediction)}
    html = frame.render_part(request, "prediction", **values)
    news = frame.render_part(request, "prediction_news", prediction=prediction)
    return {"message_id": prediction["message_id"], "html": html, "news": news.strip()}


def _write_event(kind: str, data: dict[str, str], *, entry: str | None = None) -> str:
    head = f"id: {entry}\n" if entry else ""
    return f"{head}event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _check_room(room: str) -> None:
    if not _ROOM.fullmatch(room):
        raise MalgilError("room: expected letters, digits, - and _ alone, 64 at most; open /chat for a new one")
