"""Answers uploads: the submitter's own workbook back, with what became of each row."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc

from formats.template import Effect
from formats.templates import template as template_of
from formats.workbook.write.answered import AnsweredWorkbook, no_cells
from formats.workbook.write.answered_file import write_answered, write_failed
from jobs.context import Exchange
from jobs.errors import MusterError
from jobs.runs import Run
from jobs.upload import Upload, UploadInbox, UploadState
from jobs.uploads.preview import Previewed
from jobs.uploads.reading import UploadRefused, written_cells
from jobs.uploads.telling import told_of
from jobs.uploads.templates import template_lists
from jobs.work import Work

_STEM_BYTES = 150


def answer_uploads(exchange: Exchange, run: Run) -> Work:
    """Lay the answered workbook of every ended upload beside the place it came from. A dry run answers nothing."""
    work = Work("answer_uploads")
    if run.dry_run:
        return work
    with exchange.registry.view() as tx:
        ended = tx.uploads.to_answer()
    for upload in ended:
        inbox = exchange.uploads.inboxes.find(upload.place)
        if inbox is None or _laid(exchange, upload, inbox, work):
            # crash window: laid but not recorded; the next run lays the same answer once more
            with exchange.registry.transaction() as tx:
                tx.uploads.describe(upload.id, answered=True)
    return work


def answer_files(exchange: Exchange, upload: Upload) -> dict[str, bytes]:
    """The answered workbook by its file name and, if rows failed, a workbook of those alone."""
    answer = _answer(exchange, upload)
    template = template_of(upload.template)
    stem = f"{_cut(PurePath(upload.file_name).stem)}.upload-{upload.id}"
    files = {f"{stem}.result.xlsx": write_answered(template, answer)}
    if upload.counts.failed and upload.state is not UploadState.FAILED:
        files[f"{stem}.failed.xlsx"] = write_failed(template, answer)
    return files


def write_preview(exchange: Exchange, previewed: Previewed, uploader: str, file_name: str, now: datetime) -> bytes:
    """The answered workbook a dry run would give."""
    template = previewed.desk.template
    with exchange.registry.view() as tx:
        lists = template_lists(exchange, tx, template, uploader)
    cells = previewed.checked.written
    answer = AnsweredWorkbook(
        number="-",
        file_name=file_name,
        uploader=uploader,
        received_at=_shown(exchange, now),
        finished_at=_shown(exchange, now),
        status="DRY RUN",
        cells=cells,
        effects=_aligned(cells, previewed.rows),
        findings=previewed.findings,
        dry_run=True,
        lists=lists,
        rules=exchange.uploads.rules.rules,
    )
    return write_answered(template, answer)


def _cut(stem: str) -> str:
    """Short enough for a file system to take with what is added to it."""
    return stem.encode()[:_STEM_BYTES].decode(errors="ignore")


def _laid(exchange: Exchange, upload: Upload, inbox: UploadInbox, work: Work) -> bool:
    folder = "failed" if upload.state is UploadState.FAILED else "done"
    try:
        for name, data in answer_files(exchange, upload).items():
            inbox.answer(folder, name, data)
    except (MusterError, UploadRefused) as error:
        what = error.what if isinstance(error, MusterError) else str(error)
        work.failed += 1
        work.notes.append(
            f"answered workbook of upload {upload.id} for {upload.place}/{folder}: {what}; the next run tries again"
        )
        return False
    work.done += 1
    work.count({"answers given": 1})
    work.notes.append(f"upload {upload.id} is answered in {upload.place}/{folder}: {upload.state}, {upload.outcome}")
    return True


def _answer(exchange: Exchange, upload: Upload) -> AnsweredWorkbook:
    template = template_of(upload.template)
    with exchange.registry.view() as tx:
        upload, findings = told_of(tx, upload)
        rows = tx.uploads.effects(upload.same_as or upload.id)
        lists = template_lists(exchange, tx, template, upload.uploader)
    cells = no_cells(template.schema)
    if upload.state is UploadState.COMPLETED:
        cells = written_cells(exchange, upload)
    effects = _aligned(cells, rows)
    if upload.same_as is not None:
        effects = pc.if_else(pc.equal(effects, Effect.FAILED.value), effects, Effect.UNCHANGED.value)
    return AnsweredWorkbook(
        number=upload.id,
        file_name=upload.file_name,
        uploader=upload.uploader,
        received_at=_shown(exchange, upload.received_at),
        finished_at=_shown(exchange, upload.updated_at),
        status=" – ".join(filter(None, (upload.state, upload.outcome))),
        cells=cells,
        effects=effects,
        findings=findings,
        notes=(upload.reason,) if upload.reason else (),
        lists=lists,
        rules=exchange.uploads.rules.rules,
    )


def _aligned(cells: pa.Table, rows: pa.Table) -> pa.Array:
    """The effect of each row of `cells`; null where there is none."""
    position = pc.index_in(cells["row"], value_set=rows["row"].combine_chunks())
    return rows["effect"].combine_chunks().take(position.combine_chunks())


def _shown(exchange: Exchange, moment: datetime) -> str:
    return moment.astimezone(exchange.uploads.rules.zone).strftime("%d %b %Y %H:%M %Z")
