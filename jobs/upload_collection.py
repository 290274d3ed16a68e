"""Collects dropped workbooks: archived and registered first, then taken out of the drop folder."""

from __future__ import annotations

from collections.abc import Iterator

from formats.templates import template as template_of
from jobs.context import Exchange
from jobs.errors import RemoteFileRefused
from jobs.files import FileKind, InboundFile
from jobs.ports import RemoteFile
from jobs.registry import Transaction
from jobs.runs import Run
from jobs.states import FileState
from jobs.uploads import Upload, UploadInbox
from jobs.work import Work


def collect_uploads(exchange: Exchange, run: Run) -> Work:
    """Take in every stable file of every drop folder, oldest first. A dry run only counts them."""
    work = Work("collect_uploads")
    with exchange.lease("uploads:in") as exchange:
        for inbox, file in stable_files(exchange):
            if run.dry_run:
                work.done += 1
                work.count({"files waiting": 1})
            else:
                _collect(exchange, run, inbox, file, work)
    return work


def anything_waits(exchange: Exchange) -> bool:
    """Whether a workbook lies in a drop folder, or an upload is not ended or not answered."""
    if any(inbox.files() for inbox in exchange.uploads.inboxes.all()):
        return True
    with exchange.registry.view() as tx:
        return bool(tx.uploads.in_progress() or tx.uploads.to_answer())


def claim_file(
    tx: Transaction, exchange: Exchange, run: Run, template: str, name: str, digest: str, size: int
) -> InboundFile:
    """The ledger's row of a workbook; the same bytes have the same row."""
    orders = template_of(template).orders
    return tx.files.claim(
        kind=FileKind.ORDER_UPLOAD if orders else FileKind.BULK_UPLOAD,
        provider="",
        name=name,
        media="xlsx",
        sha256=digest,
        size=size,
        state=FileState.COLLECTED,
        run_id=run.id,
        now=exchange.clock.now(),
    )


def stable_files(exchange: Exchange) -> Iterator[tuple[UploadInbox, RemoteFile]]:
    """Files whose size and time are the same in two looks: nobody is writing them any more."""
    first = [(inbox, set(inbox.files())) for inbox in exchange.uploads.inboxes.all()]
    first = [(inbox, files) for inbox, files in first if files]
    if not first:
        return
    exchange.clock.sleep(exchange.uploads.rules.settle.total_seconds())
    settled = [(inbox, file) for inbox, files in first for file in files & set(inbox.files())]
    yield from sorted(settled, key=lambda pair: (pair[1].mtime, pair[0].place, pair[1].name))


def _collect(exchange: Exchange, run: Run, inbox: UploadInbox, file: RemoteFile, work: Work) -> None:
    try:
        data = inbox.read(file.name, exchange.uploads.rules.max_bytes)
    except RemoteFileRefused as error:
        work.failed += 1
        work.notes.append(f"{inbox.place}/{file.name}: {error.what}")
        return
    upload = register(exchange, run, inbox, file.name, data)
    # crash window: registered but still in the drop folder; it is then collected once more, and recognised
    inbox.remove(file.name)
    work.done += 1
    work.count({"files collected": 1})
    work.notes.append(f"{file.name} of {inbox.uploader} is upload {upload.id}")


def register(exchange: Exchange, run: Run, inbox: UploadInbox, name: str, data: bytes) -> Upload:
    """Archive the workbook, then give it its number."""
    digest = exchange.archive.keep_plaintext(data)
    template = template_of(inbox.template)
    with exchange.registry.transaction() as tx:
        file = claim_file(tx, exchange, run, template.name, name, digest, len(data))
        earlier = tx.uploads.same(template.name, file.id)
        upload = tx.uploads.create(
            template=template.name,
            version=template.version,
            file_id=file.id,
            file_name=name,
            uploader=inbox.uploader,
            place=inbox.place,
            consent=inbox.consent,
            same_as=None if earlier is None else earlier.id,
            run_id=run.id,
            now=exchange.clock.now(),
        )
        tx.audit.append(
            actor=inbox.uploader,
            action="upload received",
            subject=f"upload {upload.id}",
            now=exchange.clock.now(),
            facts={"run": run.id, "template": template.name, "sha256": digest},
        )
    return upload
