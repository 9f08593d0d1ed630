"""The console as one ASGI app: its assets, signing in, its pages, and what it says where something failed."""

import asyncio
import logging
from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp

from pipelines.console_rendering import read_assets
from pipelines.errors import MalgilError
from pipelines.io.console_access import Access, ForbiddenError, Guard
from pipelines.io.console_frame import Frame

log = logging.getLogger(__name__)

_REFUSED_S = 1.0  # that a wrong token costs whoever tries one
_MAX_NAME_CHARS = 80


def create_app(frame: Frame, access: Access, routers: Sequence[APIRouter]) -> ASGIApp:
    """The app behind its guard; `routers` are the pages."""
    app = FastAPI(title="malgil", openapi_url=None)
    for router in (_asset_routes(), _sign_in_routes(frame, access), *routers):
        app.include_router(router)

    @app.get("/")
    async def begin() -> RedirectResponse:
        return RedirectResponse("/jobs", 303)

    @app.exception_handler(ForbiddenError)
    async def forbid(_: Request, error: ForbiddenError) -> PlainTextResponse:
        return PlainTextResponse(str(error), 403)

    @app.exception_handler(MalgilError)
    async def tell(request: Request, error: MalgilError) -> Response:
        log.warning("%s: %s", request.url.path, error)
        return HTMLResponse(frame.render(request, "trouble", line=str(error)), 503)

    return Guard(app, access)


def _asset_routes() -> APIRouter:
    router, assets = APIRouter(), read_assets()

    @router.get("/assets/{name}")
    async def send_asset(name: str) -> Response:
        if name not in assets:
            return PlainTextResponse("there is no such file", 404)
        content, kind = assets[name]
        return Response(content, media_type=kind)

    return router


def _sign_in_routes(frame: Frame, access: Access) -> APIRouter:
    router = APIRouter()

    @router.get("/login", response_class=HTMLResponse)
    async def ask(request: Request) -> str:
        return frame.render(request, "login", is_refused=False)

    @router.post("/login")
    async def sign_in(request: Request) -> Response:
        fields = await access.read_form(request)
        name = fields.get("name", "").strip()[:_MAX_NAME_CHARS]
        cookie = access.sign_in(request.state.visitor, name, fields.get("token", "")) if name else None
        if cookie is None:
            log.warning("a wrong token or no name from %s", request.state.visitor.address)
            await asyncio.sleep(_REFUSED_S)
            return HTMLResponse(frame.render(request, "login", is_refused=True), 403)
        answer = RedirectResponse("/", 303)
        access.set_cookie(MutableHeaders(raw=answer.raw_headers), cookie)
        return answer

    @router.post("/logout")
    async def sign_out(request: Request) -> RedirectResponse:
        await access.read_form(request)
        access.sign_out(request.state.visitor)
        return RedirectResponse("/login", 303)

    return router
