"""The pages of runs: the newest of all jobs, and one with its settings, its outputs and the end of its log."""

from collections import deque
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from pipelines.io.audit import find_audit
from pipelines.io.console_access import Access, identify
from pipelines.io.console_frame import Frame
from pipelines.io.run_actions import RunActions
from pipelines.io.run_records import find_run, look_for_run
from pipelines.io.seen_runs import look_at_run, look_at_runs
from pipelines.io.tracking import flatten

_SHOWN = 50
_LOG_LINES = 200


def run_routes(frame: Frame, access: Access, actions: RunActions, logs: Path) -> APIRouter:
    """GET /jobs and /jobs/{run_id}, POST /jobs/{action}; `logs` is the folder of what runs of this machine write."""
    router, store = APIRouter(), actions.store

    @router.get("/jobs", response_class=HTMLResponse)
    def show_runs(request: Request, done: str = "") -> str:
        runs = [(run, run.record.lasted_s) for run in look_at_runs(store, _SHOWN)]
        ended = find_audit(store, done) if done else None
        return frame.render(request, "jobs", runs=runs, specs=actions.control.specs, ended=ended)

    @router.get("/jobs/{run_id}", response_class=HTMLResponse)
    def show_run(request: Request, run_id: str, done: str = "") -> str:
        launch = read_log_end(logs / f"{run_id}.log")  # of what began it: whether it waits, or was refused
        if launch and look_for_run(store, run_id) is None:
            return frame.render(request, "launch", run_id=run_id, lines=launch)
        record = find_run(store, run_id)
        return frame.render(
            request, "run", seen=look_at_run(store, record), lasted_s=record.lasted_s,
            settings=flatten(record.settings), outputs=store.outputs_of(run_id),
            lines=read_log_end(logs / f"{record.job}-{run_id}.log"), ended=find_audit(store, done) if done else None,
        )  # fmt: skip

    @router.post("/jobs/{action}")
    async def act(request: Request, action: str) -> RedirectResponse:
        fields = await access.read_form(request)
        of = fields.get("of", "")
        ended = await run_in_threadpool(actions.do, action, of, **identify(request))
        page = f"/jobs/{of}" if action == "cancel" else "/jobs"
        return RedirectResponse(f"{page}?done={ended.id}", 303)

    return router


def read_log_end(path: Path) -> list[str]:
    """The last lines; none where the run left its log on another machine."""
    if not path.exists():
        return []
    with path.open(encoding="utf8", errors="replace") as lines:
        return [line.rstrip("\n") for line in deque(lines, _LOG_LINES)]
