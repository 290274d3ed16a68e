"""Collects dropped workbooks: archived and registered first, then taken out of the drop folder."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePath

from formats.templates import template as template_of
from jobs.context import Exchange
from jobs.files import Arrival, FileKind, InboundFile, plain
from jobs.job import Job
from jobs.registry import Transaction
from jobs.runs import Run, RunStatus
from jobs.stability import Steady
from jobs.taking import put_out
from jobs.upload import NewUpload, Upload, UploadInbox
from jobs.uploads.looking import look, steady_waiting, take_waiting
from jobs.work import Work

SAID_AGAIN_AFTER = timedelta(minutes=10)

_PACKED = b"PK"  # how an .xlsx workbook begins


def collect_uploads(exchange: Exchange, run: Run) -> Work:
    """Take in every stable file of every drop folder, oldest first. A dry run only counts them."""
    work = Work("collect_uploads")
    with exchange.lease("uploads:in") as exchange, exchange.uploads.inboxes.connected():
        for inbox, steady in steady_waiting(exchange, run, work):
            if run.dry_run:
                work.done += 1
                work.count({"files waiting": 1})
            else:
                _collect(exchange, run, inbox, steady, work)
    return work


def anything_waits(exchange: Exchange) -> bool:
    """Whether a workbook lies in a drop folder, one cannot be looked into, or an upload is not ended or answered.

    What an earlier run has said already, such as that a server is away, is said again only after a while.
    """
    with exchange.uploads.inboxes.connected():
        looked = look(exchange)
    with exchange.registry.view() as tx:
        if tx.uploads.in_progress() or tx.uploads.to_answer():
            return True
        said = tx.runs.ended_since(Job.BULK_UPLOAD, RunStatus.PARTLY, exchange.clock.now() - SAID_AGAIN_AFTER)
    sendable = any(file.size <= exchange.uploads.rules.max_bytes for _, file in looked.waiting)
    return sendable or (bool(looked.waiting or looked.troubles) and not said)


def claim_file(
    tx: Transaction,
    exchange: Exchange,
    run: Run,
    inbox: UploadInbox,
    name: str,
    digest: str,
    data: bytes,
    mtime: int = 0,
) -> InboundFile:
    """The ledger's row of a workbook; the same bytes have the same row."""
    orders = template_of(inbox.template).orders
    return tx.files.claim(
        Arrival(
            kind=FileKind.ORDER_UPLOAD if orders else FileKind.BULK_UPLOAD,
            provider="",
            name=name,
            media=_media(name, data),
            sha256=digest,
            size=len(data),
            place=inbox.place,
            mtime=mtime,
        ),
        run.id,
        exchange.clock.now(),
    )


def _media(name: str, data: bytes) -> str:
    """`csv` or `tsv` for text that is called so, else `xlsx`."""
    texts = {".csv": "csv", ".txt": "csv", ".tsv": "tsv"}
    return "xlsx" if data.startswith(_PACKED) else texts.get(PurePath(name).suffix.lower(), "xlsx")


def _collect(exchange: Exchange, run: Run, inbox: UploadInbox, steady: Steady, work: Work) -> None:
    read = take_waiting(exchange, run, inbox, steady, work)
    if read is None:
        return
    upload = register(exchange, run, inbox, read.file.name, read.data, read.file.mtime if read.timed else 0)
    work.done += 1
    work.count({"files collected": 1})
    work.notes.append(f"{upload.file_name} of {inbox.uploader} is upload {upload.id}")
    # crash window: registered but still in the drop folder; the next run knows it by place, name and bytes
    if not put_out(inbox, read, f"upload {upload.id} is registered", work):
        return
    # crash window: removed, but not recorded; the same file in the same place is then answered once more
    with exchange.registry.transaction() as tx:
        tx.uploads.describe(upload.id, taken=True, answered=False)


def register(exchange: Exchange, run: Run, inbox: UploadInbox, name: str, data: bytes, mtime: int = 0) -> Upload:
    """Archive the workbook, then give it its number. A file that was not taken out of its folder keeps its number."""
    digest = exchange.archive.keep_plaintext(data)
    with exchange.registry.transaction() as tx:
        file = claim_file(tx, exchange, run, inbox, plain(name), digest, data, mtime)
        known = tx.uploads.not_taken(inbox.template, inbox.place, plain(name), file.id)
        return known or _create(tx, exchange, run, inbox, plain(name), file)


def _create(tx: Transaction, exchange: Exchange, run: Run, inbox: UploadInbox, name: str, file: InboundFile) -> Upload:
    template = template_of(inbox.template)
    uploader = tx.uploads.uploader(inbox.uploader)
    limited = uploader is None or uploader.customer_id is not None
    # one customer's people do not hear that somebody else has sent the same bytes: theirs is an upload of its own
    earlier = tx.uploads.same(template.name, file.id, inbox.uploader if limited else None)
    upload = tx.uploads.create(
        NewUpload(
            template=template.name,
            version=template.version,
            file_id=file.id,
            file_name=name,
            uploader=inbox.uploader,
            place=inbox.place,
            consent=inbox.consent,
            same_as=None if earlier is None else earlier.id,
        ),
        run.id,
        exchange.clock.now(),
    )
    tx.audit.append(
        actor=inbox.uploader,
        action="upload received",
        subject=f"upload {upload.id}",
        now=exchange.clock.now(),
        facts={"run": run.id, "template": template.name, "sha256": file.sha256},
    )
    return upload
