"""Applies uploads: reads the workbook, judges its rows, and writes chunk by chunk.

Each chunk is one transaction that also moves the upload's counters on, so a run that was killed is
continued behind the last chunk that was committed, and no row is applied twice.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats.findings import CATALOGUE, FINDINGS_SCHEMA
from formats.template import Effect
from formats.traces import traces
from jobs.context import Exchange
from jobs.errors import Refused, Setup
from jobs.registry import Transaction
from jobs.runs import Run
from jobs.states import FileState
from jobs.upload import Consent, Upload, UploadState, outcome
from jobs.uploads.chunks import Desk
from jobs.uploads.preview import deal_chunk, desk_of, previewed, rehearse_inboxes, shown, starts
from jobs.uploads.reading import Checked, UploadRefused, read_upload, refused
from jobs.work import Subject, Work


def apply_uploads(exchange: Exchange, run: Run) -> Work:
    """Apply what is in progress, oldest first; a dry run previews what lies in the drop folders."""
    work = Work("apply_uploads")
    if run.dry_run:
        rehearse_inboxes(exchange, run, work)
        return work
    with exchange.lease("uploads") as exchange:
        with exchange.registry.view() as tx:
            waiting = tx.uploads.in_progress()
        for upload in waiting:
            try:
                _apply(exchange, run, upload, work)
            except (Refused, Setup) as error:  # this one waits for a person; the others go on
                work.failed += 1
                work.notes.append(f"upload {upload.id} stays in progress: {error.what}")
    return work


def _apply(exchange: Exchange, run: Run, upload: Upload, work: Work) -> None:
    work.done += 1
    try:
        with exchange.registry.view() as tx:
            desk = desk_of(exchange, tx, upload.template, upload.uploader, upload.file_id)
            earlier = _earlier(tx, upload, desk)
        if earlier is not None and earlier.state is UploadState.COMPLETED:
            _repeat(exchange, run, upload, earlier, work)
            return
        if earlier is not None and earlier.state is UploadState.HELD:
            raise UploadRefused(refused("UPLOAD_WAITS", f"upload {earlier.id}"))
        checked = read_upload(exchange, desk.template, exchange.archive.read_plaintext(upload.sha256))
    except UploadRefused as refusal:
        _fail(exchange, run, upload, refusal.findings, work)
        return
    upload = _on_its_own(exchange, upload)
    if _held(exchange, run, upload, desk, checked, work):
        return
    for start in starts(exchange, checked, upload.rows_done):
        upload = _commit_chunk(exchange, run, upload, desk, checked, start)
    _complete(exchange, run, upload, checked, work)


def _earlier(tx: Transaction, upload: Upload, desk: Desk) -> Upload | None:
    """The upload of the same bytes. Somebody limited to one customer hears of no other's: theirs is judged anew."""
    earlier = None if upload.same_as is None else tx.uploads.get(upload.same_as)
    hidden = earlier is not None and desk.uploader.customer_id is not None and earlier.uploader != upload.uploader
    return None if hidden else earlier


def _on_its_own(exchange: Exchange, upload: Upload) -> Upload:
    """It repeats no other: its rows count."""
    if upload.same_as is None:
        return upload
    with exchange.registry.transaction() as tx:
        tx.uploads.describe(upload.id, same_as=None)
        return tx.uploads.get(upload.id)


def _commit_chunk(exchange: Exchange, run: Run, upload: Upload, desk: Desk, checked: Checked, start: int) -> Upload:
    with exchange.registry.transaction() as tx:
        dealt = deal_chunk(tx, desk, exchange, checked, start)
        findings = pa.concat_tables([checked.findings_of(start, dealt.rows["row"]), dealt.findings])
        moved = tx.uploads.advance(upload, dealt.rows, findings, exchange.clock.now())
        _count_file_rows(tx, desk, upload, moved)
        failed = dealt.rows.filter(pc.equal(dealt.rows["effect"], Effect.FAILED))["row"].combine_chunks()
        rows = checked.rows.table.filter(pc.is_in(checked.rows.table["row"], value_set=failed))
        tx.intake.keep_refused(traces(checked.schema, rows), upload.file_id)
        tx.runs.touch_file(run.id, upload.file_id)
        tx.runs.add_findings(run.id, upload.file_id, upload.file_name, findings.select(FINDINGS_SCHEMA.names))
    return moved


def _count_file_rows(tx: Transaction, desk: Desk, before: Upload, after: Upload) -> None:
    """The file's own counters move in the same transaction: the conservation count reads them at any moment.

    They are those of every upload of its bytes together: one that was refused halfway has applied rows, too.
    """
    then, now = before.counts, after.counts
    duplicate = now.unchanged - then.unchanged if desk.template.orders else 0
    tx.files.count(
        after.file_id,
        read=now.rows - then.rows,
        passed=now.passed - then.passed - duplicate,
        duplicate=duplicate,
        failed=now.failed - then.failed,
    )


def _held(exchange: Exchange, run: Run, upload: Upload, desk: Desk, checked: Checked, work: Work) -> bool:
    """Whether the upload waits for a person now: its rows are counted first, and nothing is written."""
    most = exchange.uploads.rules.max_failed_percent
    ask = upload.consent is Consent.ASK or not exchange.uploads.rules.commit
    if upload.consent is Consent.GIVEN or upload.rows_done or not (ask or most is not None):
        return False
    with exchange.registry.rehearsal() as tx:
        found = previewed(exchange, tx, desk, checked)
    counts = found.counts
    too_bad = most is not None and counts.failed * 100 > most * counts.rows
    if not (ask or too_bad):
        return False
    reason = f"{counts.failed} of {counts.rows} rows would fail" if too_bad else "it waits for somebody to agree"
    with exchange.registry.transaction() as tx:
        tx.uploads.move(
            upload.id,
            UploadState.IN_PROGRESS,
            UploadState.HELD,
            reason=reason,
            rows_total=counts.rows,
            rows_new=counts.new,
            rows_changed=counts.changed,
            rows_unchanged=counts.unchanged,
            rows_failed=counts.failed,
            updated_at=exchange.clock.now(),
        )
        tx.uploads.set_findings(upload.id, found.findings)
        _audit(exchange, tx, run, upload, "upload held", reason)
    work.count({"uploads held": 1})
    work.notes.append(f"upload {upload.id} waits for a decision: {reason}; see muster uploads show {upload.id}")
    return True


def _complete(exchange: Exchange, run: Run, upload: Upload, checked: Checked, work: Work) -> None:
    with exchange.registry.transaction() as tx:
        tx.uploads.move(
            upload.id,
            UploadState.IN_PROGRESS,
            UploadState.COMPLETED,
            rows_total=upload.counts.rows,
            updated_at=exchange.clock.now(),
        )
        tx.files.describe(upload.file_id, state=FileState.DONE)
        tx.files.release(upload.file_id)
        _audit(
            exchange, tx, run, upload, "upload applied", "", passed=upload.counts.passed, failed=upload.counts.failed
        )
    work.failed += upload.counts.failed
    work.notes.append(f"upload {upload.id} is {UploadState.COMPLETED}: {outcome(UploadState.COMPLETED, upload.counts)}")
    work.count(shown(upload.counts))
    work.subjects.append(Subject(upload.file_name, checked.schema, checked.table))


def _repeat(exchange: Exchange, run: Run, upload: Upload, earlier: Upload, work: Work) -> None:
    """The same bytes again: recognised, nothing is done."""
    with exchange.registry.transaction() as tx:
        tx.uploads.move(
            upload.id,
            UploadState.IN_PROGRESS,
            UploadState.COMPLETED,
            reason=f"the same file as upload {earlier.id}",
            rows_total=earlier.counts.rows,
            rows_unchanged=earlier.counts.passed,
            rows_failed=earlier.counts.failed,
            updated_at=exchange.clock.now(),
        )
        tx.runs.touch_file(run.id, upload.file_id, "known already")
        _audit(exchange, tx, run, upload, "upload recognised", f"the same file as upload {earlier.id}")
    work.count({"uploads known already": 1})


def _fail(exchange: Exchange, run: Run, upload: Upload, findings: pa.Table, work: Work) -> None:
    """The file is refused as a whole and waits in quarantine, where it can be looked at."""
    code = findings["code"][0].as_py()
    title = CATALOGUE[code].title
    applied = f"; its first {upload.rows_done} rows had been dealt with" if upload.rows_done else ""
    with exchange.registry.transaction() as tx:
        tx.uploads.move(
            upload.id,
            UploadState.IN_PROGRESS,
            UploadState.FAILED,
            same_as=None,
            reason=f"{code}: {title}{applied}",
            updated_at=exchange.clock.now(),
        )
        tx.uploads.add_findings(upload.id, findings)
        tx.runs.touch_file(run.id, upload.file_id)
        tx.runs.add_findings(run.id, upload.file_id, upload.file_name, findings.select(FINDINGS_SCHEMA.names))
        file = tx.files.get(upload.file_id)
        if file.state is FileState.COLLECTED:  # not what another upload of the same bytes has applied
            tx.files.set_aside(file, code, title, exchange.clock.now())
        _audit(exchange, tx, run, upload, "upload refused", title, code=code)
    work.failed += 1
    work.count({"uploads refused": 1})
    work.notes.append(f"upload {upload.id} ({upload.file_name}) refused: {code}, {title}")


def _audit(
    exchange: Exchange, tx: Transaction, run: Run, upload: Upload, action: str, reason: str, **facts: object
) -> None:
    tx.audit.append(
        actor=upload.uploader,
        action=action,
        subject=f"upload {upload.id}",
        now=exchange.clock.now(),
        reason=reason,
        facts={"run": run.id, "template": upload.template, "sha256": upload.sha256, **facts},
    )
