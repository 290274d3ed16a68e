"""The web application under `/muster`: run reports, bulk uploads, and the JSON entry for providers' answers.

Airflow gives a mounted application no authentication: here every route asks for a user first (deny by
default) and then for a right on the DAG concerned. No documentation routes and no mounts, which would
escape those checks.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep, get_user
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from muster_access import application, may, viewer_of
from muster_airflow import URL_PREFIX, base_path
from muster_bodies import read_body
from muster_csrf import demand_bearer, guard_changes
from muster_pages import problem_page, runs_page
from muster_uploads import router as uploads
from muster_viewers import seen_report, seen_run, sees_run
from starlette.exceptions import HTTPException as AnyHTTPException

from adapters.providers import KINDS
from adapters.settings import Workspace, load
from jobs.errors import MusterError, NotFound, NotWaiting, Refused, Retry
from jobs.runs import Run

log = logging.getLogger("muster.web")

LISTED_RUNS = 100
ANSWER_BYTES = 20_000_000  # larger ones come as files
_SEALED = ("application/pgp-encrypted", "application/octet-stream")
_OWN_TROUBLE = "see the server's log"
_TITLES = {403: "Not allowed", 404: "Not found", 409: "Not any more", 413: "Too large", 422: "Not accepted"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

app = FastAPI(
    dependencies=[Depends(get_user), Depends(guard_changes)],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)
app.include_router(uploads)


@app.middleware("http")
async def add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """A page with a form brings a policy of its own."""
    response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@app.exception_handler(401)
async def ask_for_login(request: Request, error: HTTPException) -> Response:
    """A person in a browser is sent to the login page, a program gets 401."""
    if request.method == "GET" and _wants_page(request):
        return RedirectResponse(get_auth_manager().get_url_login(next_url=request.url.path), status_code=303)
    return await http_exception_handler(request, error)


@app.exception_handler(AnyHTTPException)
async def show_refusal(request: Request, error: AnyHTTPException) -> Response:
    if not _wants_page(request):
        return await http_exception_handler(request, error)
    return _problem(error.status_code, str(error.detail), "", error.headers)


@app.exception_handler(MusterError)
async def show_error(request: Request, error: MusterError) -> Response:
    status = _status(error)
    log.log(logging.ERROR if status == 500 else logging.WARNING, "%s %s: %s", request.method, request.url.path, error)
    what, remedy = (error.what, error.remedy) if status != 500 else ("A person must look at this", _OWN_TROUBLE)
    headers = {"Retry-After": "60"} if status == 503 else {}
    if _wants_page(request):
        return _problem(status, what, remedy, headers)
    if status == 500:
        return JSONResponse({"code": error.code, "what": f"{what}; {remedy}"}, status)
    return JSONResponse({"code": error.code, "what": what, "remedy": remedy}, status, headers)


@app.get("/reports")
def list_reports(user: GetUserDep) -> HTMLResponse:
    """The newest runs of the DAGs this user may read; of bulk uploads only what they may see."""
    with application() as muster:
        runs, viewer = muster.recent_runs(LISTED_RUNS), viewer_of(muster, user)
        readable = {dag_id for dag_id in {dag_id_of(run) for run in runs} if may("GET", dag_id, user)}
        with muster.registry.view() as tx:
            shown = [run for run in runs if dag_id_of(run) in readable and sees_run(tx, viewer, run)]
    return HTMLResponse(runs_page([seen_run(viewer, run) for run in shown]))


@app.get("/reports/{run_id}")
def read_report(run_id: str, user: GetUserDep) -> HTMLResponse:
    """One run report, for users who may read the runs of its DAG, and its uploads."""
    with application() as muster:
        report, viewer = muster.report(run_id), viewer_of(muster, user)
        with muster.registry.view() as tx:
            visible = may("GET", dag_id_of(report.run), user) and sees_run(tx, viewer, report.run)
        if not visible:
            raise HTTPException(403, "Forbidden")
        return HTMLResponse(muster.report_html(seen_report(viewer, report)))


def may_answer(provider: str, user: GetUserDep) -> None:
    """A right of its own: no role has it, nobody hears which providers there are."""
    known = {item.name: item.inbound.senders for item in load(Workspace.find(), KINDS).providers}
    if user.get_name() not in known.get(provider, ()):
        raise HTTPException(403, "You are not named as a sender of answers in this provider's file")


@app.post("/inboundDeviceEnrolment/{provider}", dependencies=[Depends(demand_bearer), Depends(may_answer)])
async def receive_answer(provider: str, request: Request, user: GetUserDep) -> JSONResponse:
    """Take a provider's answer, JSON in an OpenPGP message: 202 and its SHA-256; the response DAG applies it.

    The request is taken raw: a declared body would be read before anybody was asked who sends it.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in _SEALED:
        raise HTTPException(415, f"Send {_SEALED[0]}: JSON, signed with your key and encrypted to ours")
    body = await read_body(request, ANSWER_BYTES, "send larger answers as a file", user.get_id())
    if not body:
        raise HTTPException(400, "The body is empty")
    digest = await run_in_threadpool(_receive, provider, body, user.get_name())
    return JSONResponse({"sha256": digest}, 202)


def dag_id_of(run: Run) -> str:
    return f"{run.job}.{run.provider}" if run.provider else run.job.value


def _receive(provider: str, body: bytes, actor: str) -> str:
    with application() as muster:
        return muster.receive_answer(provider, body, actor)


def _problem(status: int, what: str, remedy: str, headers: Mapping[str, str] | None) -> HTMLResponse:
    page = problem_page(
        _TITLES.get(status) or HTTPStatus(status).phrase, what, remedy, f"{base_path()}{URL_PREFIX}/uploads"
    )
    return HTMLResponse(page, status, headers)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _status(error: MusterError) -> int:
    for kind, status in ((NotFound, 404), (NotWaiting, 409), (Refused, 422), (Retry, 503)):
        if isinstance(error, kind):
            return status
    return 500
