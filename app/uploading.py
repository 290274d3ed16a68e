"""Uploads a person hands in: previewed first, then applied in a run of their own."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from adapters.inboxes.uploads import HandedIn
from app.bootstrap import Muster, Watch
from jobs.catalogue import STEPS
from jobs.errors import ReportLater, Retry
from jobs.job import Job
from jobs.runs import Run, RunReport, Step
from jobs.upload import Consent, Upload
from jobs.uploads.answered_workbooks import write_preview
from jobs.uploads.collection import register
from jobs.uploads.preview import Previewed, note_preview, note_refusal, rehearse
from jobs.uploads.reading import UploadRefused
from jobs.uploads.templates import named
from jobs.work import Work

PATIENCE = timedelta(seconds=60)
_APPLY = "apply_uploads"


class UploadLater(Retry):
    """Another run is at work, or was faster."""

    code = "UPLOAD_LATER"
    remedy = "Nothing is lost: the next run does it (`muster run bulk_upload`); `muster uploads` shows how far it is"


@dataclass(frozen=True)
class Preview:
    """What a workbook would come to (None: it would be refused, and `refusal` says why), and the dry run's report."""

    previewed: Previewed | None
    refusal: UploadRefused | None
    report: RunReport
    path: Path


def hand_in(
    app: Muster, template: str, uploader: str, name: str, data: bytes, consent: Consent = Consent.GIVEN
) -> HandedIn:
    """Raises NotFound for an unknown template, RemoteFileRefused for a file over the limit."""
    named(template)
    handed = HandedIn(template, uploader, name, data, consent)
    handed.read(handed.look().files[0], app.settings.uploads.max_file_bytes)
    return handed


def preview(app: Muster, handed: HandedIn, actor: str) -> Preview:
    """A dry run over this workbook alone."""
    run = app.begin(Job.BULK_UPLOAD, actor=actor, dry_run=True)
    work = Work(_APPLY, done=1)
    found: Previewed | None = None
    refusal: UploadRefused | None = None
    try:
        found = rehearse(app.exchange, run, handed, handed.name, handed.data)
        note_preview(handed.name, found, work)
    except UploadRefused as refused:
        refusal = refused
        note_refusal(handed.name, refused, work)
    app.record(run, STEPS[Job.BULK_UPLOAD].index(_APPLY), work.step(""), work)
    closed = app.close(run.id)
    return Preview(found, refusal, closed.report, closed.path)


def answer_of(app: Muster, handed: HandedIn, found: Previewed) -> bytes:
    """The answer the dry run would give."""
    return write_preview(app.exchange, found, handed.uploader, handed.name, app.exchange.clock.now())


def apply(app: Muster, handed: HandedIn, actor: str, watch: Watch | None = None) -> tuple[Upload, Path]:
    """Register it, apply it, and whatever else was in progress on the way. Raises UploadLater."""
    run, upload = _received(app, handed, actor)
    try:
        _, page = _patient(app).carry_out(run, watch, first=1)
    except ReportLater as later:
        page = Path(str(later.facts["report"]))
    except Retry as error:
        raise UploadLater(f"upload {upload.id} is received and safe, but not applied yet: {error.what}") from error
    with app.registry.view() as tx:
        return tx.uploads.get(upload.id), page


def store(app: Muster, handed: HandedIn, actor: str) -> Upload:
    """Archive and register it, for the next run to preview: it is held until somebody agrees."""
    run, upload = _received(app, handed, actor)
    app.close(run.id)
    return upload


def _received(app: Muster, handed: HandedIn, actor: str) -> tuple[Run, Upload]:
    """Nothing waits for a lease here: what a person hands in nobody else collects."""
    run = app.begin(Job.BULK_UPLOAD, actor=actor)
    upload = register(app.exchange, run, handed, handed.name, handed.data)
    app.record(run, 0, Step(STEPS[Job.BULK_UPLOAD][0], 1, f"upload {upload.id} received"))
    return run, upload


def continue_uploads(app: Muster, number: int, actor: str, watch: Watch | None = None) -> None:
    """A run after a decision: the committed upload is applied and answered. Raises UploadLater."""
    try:
        with suppress(ReportLater):  # what was decided is done
            _patient(app).carry_out(app.begin(Job.BULK_UPLOAD, actor=actor), watch)
    except Retry as error:
        raise UploadLater(f"the decision about upload {number} stands, and waits: {error.what}") from error


def _patient(app: Muster) -> Muster:
    """It waits for a run that is at work; nobody has to try again by hand."""
    return Muster(app.workspace, app.settings, replace(app.exchange, patience=PATIENCE), app.registry)
