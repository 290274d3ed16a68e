"""The routes of bulk uploads: template, upload, history, one upload with its decision and its answered workbook.

The workbook is only archived and registered here. The DAG `bulk_upload`, triggered at once, reads it in a
guarded process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from airflow.sdk.exceptions import AirflowException
from airflow.utils.types import DagRunTriggeredByType
from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse
from muster_access import application, may, viewer_of
from muster_bodies import SentFile, read_file, read_form
from muster_upload_pages import Remarks, UploadBounds, Wanted, upload_page, uploads_page
from muster_viewers import Sight, Viewer, seen, seen_findings, sees_run

from formats.templates import NAMES
from jobs.errors import NotFound
from jobs.job import Job
from jobs.upload import Consent, Upload, UploadState
from jobs.uploads.telling import told_of

if TYPE_CHECKING:
    from app.bootstrap import Muster

log = logging.getLogger("muster.web")

LISTED = 100
_REASON_LENGTH = 200
_ONE_AT_A_TIME = Lock()  # of a button pressed twice the second request finds what the first has stored
_QUIET = timedelta(minutes=5)
_DAG = Job.BULK_UPLOAD.value
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ENDINGS = (".xlsx", ".csv", ".tsv", ".txt")
_OPEN = (UploadState.IN_PROGRESS, UploadState.HELD)
_FORM_HEADERS = {  # with `no-referrer` a browser would send forms with `Origin: null`
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self'"
    ),
    "Referrer-Policy": "same-origin",
}
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def may_look(user: GetUserDep) -> None:
    if not may("GET", _DAG, user):
        raise HTTPException(403, "You may not see the runs of bulk_upload")


def may_change(user: GetUserDep) -> None:
    if not may("POST", _DAG, user):
        raise HTTPException(403, "You may not trigger bulk_upload, so you may not upload or decide")


router = APIRouter(dependencies=[Depends(may_look)])


@router.get("/uploads")
def list_uploads(user: GetUserDep, template: str = "", status: str = "", mine: str = "") -> HTMLResponse:
    """The form and the history."""
    state = UploadState(status) if status in set(UploadState) else None
    wanted = Wanted(template if template in NAMES else "", state, bool(mine))
    with application() as muster:
        return _history(muster, user, wanted)


@router.get("/uploads/template/{name}")
def download_template(name: str, user: GetUserDep) -> Response:
    """The blank workbook."""
    from jobs.uploads.templates import download

    with application() as muster:
        viewer = viewer_of(muster, user)
        uploader = viewer.address if viewer.sight is Sight.ALL or viewer.closed else None
        return _workbook(f"{name}.xlsx", download(muster.exchange, name, uploader))


@router.post("/uploads", dependencies=[Depends(may_change)])
async def receive_upload(request: Request, user: GetUserDep) -> Response:
    """Take a workbook in; 303 to its page. The request is taken raw: nothing is read before it may be."""
    limit = await run_in_threadpool(_largest_file)
    sent = await read_file(request, limit, "file", user.get_id())
    return await run_in_threadpool(_store, user, sent)


@router.get("/uploads/{number}")
def show_upload(number: Number, user: GetUserDep, said: str = "") -> HTMLResponse:
    """How far it is, what was found, what can be decided."""
    with application() as muster:
        return _one(muster, user, number, Remarks(_note(), said=said))


@router.post("/uploads/{number}/commit", dependencies=[Depends(may_change)])
async def commit(number: Number, request: Request, user: GetUserDep) -> Response:
    """Apply the good rows of a held upload. The word `confirm` is typed (C85)."""
    return await run_in_threadpool(_decide, "commit", number, user, await read_form(request, user.get_id()))


@router.post("/uploads/{number}/discard", dependencies=[Depends(may_change)])
async def discard(number: Number, request: Request, user: GetUserDep) -> Response:
    """Close a held upload; nothing is applied."""
    return await run_in_threadpool(_decide, "discard", number, user, await read_form(request, user.get_id()))


@router.get("/uploads/{number}/answer")
def download_answer(number: Number, user: GetUserDep) -> Response:
    """The submitter's workbook with a result for each row."""
    return _answer(number, user, ".result.xlsx")


@router.get("/uploads/{number}/failed")
def download_failed(number: Number, user: GetUserDep) -> Response:
    """The rows that failed, to be corrected and uploaded again."""
    return _answer(number, user, ".failed.xlsx")


def _history(muster: Muster, user: Any, wanted: Wanted, error: str = "", status: int = 200) -> HTMLResponse:
    viewer = viewer_of(muster, user)
    uploader = viewer.address if viewer.sight is Sight.OWN or wanted.mine else None
    with muster.registry.view() as tx:
        found = tx.uploads.history(LISTED + 1, wanted.template or None, uploader, wanted.status)
    chosen = muster.settings.uploads
    text = uploads_page(
        found[:LISTED],
        len(found) > LISTED,
        wanted,
        viewer,
        UploadBounds(chosen.max_file_bytes, chosen.max_rows),
        muster.settings.zone,
        Remarks(_note(), error),
    )
    return HTMLResponse(text, status, _FORM_HEADERS)


def _one(muster: Muster, user: Any, number: int, remarks: Remarks, status: int = 200) -> HTMLResponse:
    viewer = viewer_of(muster, user)
    upload = _visible(muster, viewer, number)
    if upload.state is UploadState.IN_PROGRESS and muster.exchange.clock.now() - upload.updated_at > _QUIET:
        remarks = replace(
            remarks, note=remarks.note or "Nothing has happened for a while: tell whoever runs the console."
        )
    with muster.registry.view() as tx:
        findings = tx.uploads.findings(upload.same_as or upload.id)
        if viewer.sight is Sight.OWN:
            upload, findings = told_of(tx, upload)
        remarks = replace(remarks, reported=sees_run(tx, viewer, tx.runs.get(upload.run_id)))
    text = upload_page(seen(viewer, upload), seen_findings(viewer, findings), viewer, muster.settings.zone, remarks)
    return HTMLResponse(text, status, _FORM_HEADERS)


def _store(user: Any, sent: SentFile) -> Response:
    from app.uploading import hand_in, store

    template = sent.fields.get("template", "")
    with application() as muster:
        viewer = viewer_of(muster, user)
        if viewer.refusal:
            raise HTTPException(403, viewer.refusal)
        if fault := _fault(template, sent):
            return _history(muster, user, Wanted(template if template in NAMES else ""), fault, 422)
        handed = hand_in(muster, template, viewer.address, sent.name, sent.data, Consent.ASK)
        with _ONE_AT_A_TIME:
            waiting = _waiting(muster, viewer, handed.template, sent.data)
            upload = waiting or store(muster, handed, viewer.address)
    if waiting is None:
        _start(viewer.address)
    return RedirectResponse(f"uploads/{upload.id}?said={'waiting' if waiting else 'received'}", 303)


def _fault(template: str, sent: SentFile) -> str:
    """Why a form cannot be taken; empty if it can."""
    if template not in NAMES:
        return "Choose a template."
    if not sent.name:
        return "Choose a file."
    if not sent.name.lower().endswith(_ENDINGS):
        return f"{sent.name} is no .xlsx workbook, nor CSV or TSV. In Excel save it as 'Excel Workbook (.xlsx)'."
    return "" if sent.data else f"{sent.name} is empty."


def _waiting(muster: Muster, viewer: Viewer, template: str, data: bytes) -> Upload | None:
    """The uploader's own upload of this file that is still open: a form sent twice is one upload."""
    digest = sha256(data).hexdigest()
    with muster.registry.view() as tx:
        recent = tx.uploads.history(LISTED, template, viewer.address)
    return next((item for item in recent if item.sha256 == digest and item.state in _OPEN), None)


def _decide(action: str, number: int, user: Any, form: dict[str, str]) -> Response:
    from jobs.uploads.decisions import commit_upload, discard_upload

    decisions: dict[str, Callable[..., Upload]] = {"commit": commit_upload, "discard": discard_upload}
    reason = form.get("reason", "").strip()[:_REASON_LENGTH]
    fault = "" if reason else "Say why: the reason is kept in the audit trail."
    if action == "commit" and form.get("confirm", "").strip().lower() != "confirm":
        fault = "Nothing was applied: type the word confirm."
    with application() as muster:
        viewer = viewer_of(muster, user)
        if viewer.refusal:
            raise HTTPException(403, viewer.refusal)
        _visible(muster, viewer, number)
        if fault:
            return _one(muster, user, number, Remarks(error=fault, typed={action: reason}), 422)
        decisions[action](muster.exchange, number, viewer.address, reason)
    _start(viewer.address)
    return RedirectResponse(f"../{number}?said={action}", 303)


def _answer(number: int, user: Any, ending: str) -> Response:
    from jobs.uploads.answered_workbooks import answer_files

    with application() as muster:
        viewer = viewer_of(muster, user)
        upload = _visible(muster, viewer, number)
        if viewer.sight is Sight.NUMBERS:
            raise HTTPException(403, "You may not see workbooks: that takes the right to upload, or to operate Muster")
        if upload.state in _OPEN:
            raise HTTPException(404, f"Upload {number} is {upload.state}: there is no answered workbook yet")
        files = answer_files(muster.exchange, upload)
    found = next((name for name in files if name.endswith(ending)), None)
    if found is None:
        raise HTTPException(404, f"No row of upload {number} failed by itself")
    return _workbook(found, files[found])


def _visible(muster: Muster, viewer: Viewer, number: int) -> Upload:
    """The upload; of what somebody may not see they do not even hear that it exists."""
    with muster.registry.view() as tx:
        upload = tx.uploads.get(number)
    if viewer.sight is Sight.OWN and upload.uploader != viewer.address:
        raise NotFound(f"there is no upload {number}")
    return upload


def _largest_file() -> int:
    with application() as muster:
        return muster.settings.uploads.max_file_bytes


def _start(actor: str) -> None:
    """Trigger the DAG. If that fails, its schedule finds the upload all the same."""
    try:
        trigger_dag(_DAG, triggered_by=DagRunTriggeredByType.UI, triggering_user_name=actor, conf={})
    except (AirflowException, ValueError) as error:
        log.warning("%s could not be triggered: %s", _DAG, error)


def _note() -> str:
    """What keeps the DAG from running, for a person to read; mostly empty."""
    found = DagModel.get_current(_DAG)
    if found is None:
        return "The DAG bulk_upload is not there yet: what you upload waits for it."
    return "The DAG bulk_upload is paused: what you upload waits until it is switched on." if found.is_paused else ""


def _workbook(name: str, data: bytes) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return Response(data, headers=headers, media_type=_XLSX)
