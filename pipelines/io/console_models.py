"""The pages of models, and the actions on them: each is done behind its form, and leaves its record."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from pipelines.io.audit import find_audit, list_audit
from pipelines.io.console_access import Access, identify
from pipelines.io.console_frame import Frame
from pipelines.io.model_actions import ModelActions

_AUDIT_SHOWN = 100


def model_routes(frame: Frame, access: Access, actions: ModelActions) -> APIRouter:
    """GET /models, a version's page and pictures, and /audit; POST /models/{name}/{action}."""
    router, models, store = APIRouter(), actions.models, actions.store

    @router.get("/models", response_class=HTMLResponse)
    def show_models(request: Request, done: str = "") -> str:
        found = {name: models.list_versions(name) for name in models.names}
        ended = find_audit(store, done) if done else None
        return frame.render(request, "models", models=found, intent_model=models.names[0], ended=ended)

    @router.get("/models/{name}/{version}", response_class=HTMLResponse)
    def show_version(request: Request, name: str, version: str) -> str:
        facts = models.find_version(name, version)
        pictures = models.list_pictures(facts.mlflow_run) if facts.mlflow_run else []
        return frame.render(request, "version", facts=facts, pictures=pictures)

    @router.get("/models/{name}/{version}/{picture}.png")
    def send_picture(name: str, version: str, picture: str) -> Response:
        run = models.find_version(name, version).mlflow_run or ""
        return Response(models.read_picture(run, picture), media_type="image/png")

    @router.post("/models/{name}/{action}")
    async def act(request: Request, name: str, action: str) -> RedirectResponse:
        fields = await access.read_form(request)
        ended = await run_in_threadpool(actions.do, name, action, fields.get("version", ""), **identify(request))
        return RedirectResponse(f"/models?done={ended.id}", 303)

    @router.get("/audit", response_class=HTMLResponse)
    def show_audit(request: Request) -> str:
        return frame.render(request, "audit", records=list_audit(store, _AUDIT_SHOWN))

    return router
