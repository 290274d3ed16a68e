"""Uploads a person hands in: previewed first, then applied in a run of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from adapters.bootstrap import Muster, Watch
from adapters.upload_inboxes import HandedIn
from jobs.catalogue import STEPS, Job
from jobs.runs import RunReport, Step
from jobs.upload_answers import preview_answer
from jobs.upload_collection import register
from jobs.upload_preview import Previewed, note_preview, note_refusal, rehearse
from jobs.upload_reading import UploadRefused
from jobs.upload_templates import named
from jobs.uploads import Consent, Upload
from jobs.work import Work

_APPLY = "apply_uploads"


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
    handed = HandedIn(template, uploader, name, data, app.exchange.uploads.inboxes, consent)
    handed.read(name, app.settings.uploads.max_file_bytes)
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
    return Preview(found, refusal, *app.finish(run.id))


def answer_of(app: Muster, handed: HandedIn, found: Previewed) -> bytes:
    """The answer the dry run would give."""
    return preview_answer(app.exchange, found, handed.uploader, handed.name, app.exchange.clock.now())


def apply(app: Muster, handed: HandedIn, actor: str, watch: Watch | None = None) -> tuple[Upload, RunReport, Path]:
    """Collect, apply and answer it. What else was in progress is finished on the way."""
    rules = replace(app.exchange.uploads.rules, settle=timedelta())
    uploads = replace(app.exchange.uploads, inboxes=handed, rules=rules)
    alone = Muster(app.workspace, app.settings, replace(app.exchange, uploads=uploads), app.registry)
    report, path = alone.carry_out(alone.begin(Job.BULK_UPLOAD, actor=actor), watch)
    with app.registry.view() as tx:
        return tx.uploads.at_place(handed.place), report, path


def store(app: Muster, handed: HandedIn, actor: str) -> Upload:
    """Archive and register it, for the next run to preview: it is held until somebody agrees."""
    run = app.begin(Job.BULK_UPLOAD, actor=actor)
    upload = register(app.exchange, run, handed, handed.name, handed.data)
    app.record(run, 0, Step(STEPS[Job.BULK_UPLOAD][0], 1, f"upload {upload.id} received, the next run checks it"))
    app.finish(run.id)
    return upload


def continue_uploads(app: Muster, actor: str, watch: Watch | None = None) -> tuple[RunReport, Path]:
    """A run after a decision: the committed upload is applied and answered."""
    return app.carry_out(app.begin(Job.BULK_UPLOAD, actor=actor), watch)
