"""The web application under `/muster`: run reports to read, and the JSON entry for providers' answers.

Airflow gives a mounted application no authentication: here every route asks for a user first (deny by
default) and then for a right on the DAG concerned. No documentation routes and no mounts, which would
escape those checks.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, get_user
from airflow.models.dag import DagModel
from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from muster_airflow import airflow_connection
from muster_pages import runs_page

from jobs.catalogue import Job
from jobs.errors import MusterError, NotFound, Refused, Retry
from jobs.runs import Run

if TYPE_CHECKING:
    from adapters.bootstrap import Muster

log = logging.getLogger("muster.web")

LISTED_RUNS = 100
ANSWER_BYTES = 20_000_000  # an answer by HTTP is held in memory; larger ones come as files
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def refuse_cookies_for_changes(request: Request, user: GetUserDep) -> None:
    """A browser sends the session cookie with other sites' requests, but never a bearer token."""
    if request.method not in _SAFE_METHODS and not _has_bearer(request):
        raise HTTPException(403, "Send the token in the Authorization header; a cookie is not enough here")


app = FastAPI(
    dependencies=[Depends(get_user), Depends(refuse_cookies_for_changes)],
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)


@app.middleware("http")
async def add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers.update(_HEADERS)
    return response


@app.exception_handler(401)
async def ask_for_login(request: Request, error: HTTPException) -> Response:
    """A person in a browser is sent to the login page, a program gets 401."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(get_auth_manager().get_url_login(next_url=request.url.path), status_code=303)
    return await http_exception_handler(request, error)


@app.exception_handler(MusterError)
async def show_error(request: Request, error: MusterError) -> Response:
    status = _status(error)
    log.log(logging.ERROR if status == 500 else logging.WARNING, "%s %s: %s", request.method, request.url.path, error)
    if status == 500:
        return JSONResponse({"code": error.code, "what": "A person must look at this; see the server's log"}, status)
    headers = {"Retry-After": "60"} if status == 503 else {}
    return JSONResponse({"code": error.code, "what": error.what, "remedy": error.remedy}, status, headers)


@app.get("/reports")
def list_reports(user: GetUserDep) -> HTMLResponse:
    """The newest runs of the DAGs this user may read."""
    with application() as muster:
        runs = muster.recent_runs(LISTED_RUNS)
    readable = {dag_id for dag_id in {dag_id_of(run) for run in runs} if may("GET", dag_id, user)}
    return HTMLResponse(runs_page([run for run in runs if dag_id_of(run) in readable]))


@app.get("/reports/{run_id}")
def read_report(run_id: str, user: GetUserDep) -> HTMLResponse:
    """One run report, for users who may read the runs of its DAG."""
    with application() as muster:
        if not may("GET", dag_id_of(muster.report(run_id).run), user):
            raise HTTPException(403, "Forbidden")
        return HTMLResponse(muster.report_html(run_id))


def may_answer(provider: str, user: GetUserDep) -> None:
    if not may("POST", f"{Job.RESPONSE}.{provider}", user):
        raise HTTPException(403, "Forbidden")


@app.post("/inboundDeviceEnrolment/{provider}", dependencies=[Depends(may_answer)])
async def receive_answer(provider: str, request: Request, user: GetUserDep) -> JSONResponse:
    """Take a provider's answer as JSON: 202 and its SHA-256; the response DAG applies it.

    The request is taken raw: a declared body would be read before anybody was asked who sends it.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Send application/json")
    body = await _limited_body(request)
    digest = await run_in_threadpool(_receive, provider, body, user.get_name())
    return JSONResponse({"sha256": digest}, 202)


def dag_id_of(run: Run) -> str:
    return f"{run.job}.{run.provider}" if run.provider else run.job.value


def may(method: Literal["GET", "POST"], dag_id: str, user: BaseUser) -> bool:
    """Whether the user may read (GET) or trigger (POST) runs of the DAG."""
    return get_auth_manager().is_authorized_dag(
        method=method,
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
        user=user,
    )


@contextmanager
def application() -> Iterator[Muster]:
    from adapters.bootstrap import Muster  # heavy; the server starts without it

    with Muster.open(connections=airflow_connection) as muster:
        yield muster


def _receive(provider: str, body: bytes, actor: str) -> str:
    with application() as muster:
        return muster.receive_answer(provider, body, actor)


async def _limited_body(request: Request) -> bytes:
    """The body, refused by its announced length before, and by its true length while it is read."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > ANSWER_BYTES:
        raise HTTPException(413, f"At most {ANSWER_BYTES} bytes; send larger answers as a file")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise HTTPException(413, f"At most {ANSWER_BYTES} bytes; send larger answers as a file")
    if not body:
        raise HTTPException(400, "The body is empty")
    return bytes(body)


def _has_bearer(request: Request) -> bool:
    return request.headers.get("authorization", "").lower().startswith("bearer ")


def _status(error: MusterError) -> int:
    for kind, status in ((NotFound, 404), (Refused, 422), (Retry, 503)):
        if isinstance(error, kind):
            return status
    return 500
