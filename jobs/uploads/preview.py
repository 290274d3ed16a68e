"""Previews: everything an upload would do, done and rolled back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from formats.findings import FINDINGS_SCHEMA
from formats.templates import template as template_of
from jobs.context import Exchange
from jobs.files import plain
from jobs.registry import Transaction
from jobs.runs import Run
from jobs.upload import Counts, UploadInbox
from jobs.uploads.chunks import Dealt, Desk, deal
from jobs.uploads.collection import claim_file
from jobs.uploads.failed_rows import further_findings
from jobs.uploads.looking import steady_waiting, take_waiting
from jobs.uploads.reading import Checked, UploadRefused, read_upload, refused
from jobs.work import SourceFindings, Subject, Work


@dataclass(frozen=True)
class Previewed:
    """What an upload would come to: `rows` with `row` and `effect`, and all its ROW_FINDINGS."""

    desk: Desk
    checked: Checked
    rows: pa.Table
    findings: pa.Table

    @property
    def counts(self) -> Counts:
        return Counts.of(self.rows["effect"].to_pylist())


def rehearse(exchange: Exchange, run: Run, inbox: UploadInbox, name: str, data: bytes) -> Previewed:
    """Do everything with a dropped workbook, and roll it back. Raises UploadRefused."""
    with exchange.registry.rehearsal() as tx:
        desk = desk_of(exchange, tx, inbox.template, inbox.uploader)
        checked = read_upload(exchange, desk.template, data)
        file = claim_file(tx, exchange, run, inbox, name, hashlib.sha256(data).hexdigest(), data)
        return previewed(exchange, tx, replace(desk, file_id=file.id), checked)


def previewed(exchange: Exchange, tx: Transaction, desk: Desk, checked: Checked) -> Previewed:
    dealt = [deal_chunk(tx, desk, exchange, checked, start) for start in starts(exchange, checked)]
    findings = pa.concat_tables([checked.findings, *(part.findings for part in dealt)])
    return Previewed(desk, checked, pa.concat_tables([part.rows for part in dealt]), findings.sort_by("row"))


def rehearse_inboxes(exchange: Exchange, run: Run, work: Work) -> None:
    """Preview every stable file of every drop folder; they stay where they are."""
    with exchange.uploads.inboxes.connected():
        for inbox, steady in steady_waiting(exchange, run, work):
            read = take_waiting(exchange, run, inbox, steady, work)
            if read is None:
                continue
            work.done += 1
            name = plain(read.file.name)
            try:
                found = rehearse(exchange, run, inbox, name, read.data)
            except UploadRefused as refusal:
                note_refusal(name, refusal, work)
            else:
                note_preview(name, found, work)


def note_preview(name: str, previewed: Previewed, work: Work) -> None:
    """Enter a rehearsed upload into what the step hands back."""
    work.failed += previewed.counts.failed
    work.count(shown(previewed.counts))
    work.subjects.append(Subject(name, previewed.checked.schema, previewed.checked.table))
    work.findings.append(SourceFindings(name, previewed.findings.select(FINDINGS_SCHEMA.names)))


def note_refusal(name: str, refusal: UploadRefused, work: Work) -> None:
    """Enter a workbook that would be refused into what the step hands back."""
    work.failed += 1
    work.count({"uploads refused": 1})
    work.findings.append(SourceFindings(name, refusal.findings.select(FINDINGS_SCHEMA.names)))


def desk_of(exchange: Exchange, tx: Transaction, template: str, uploader: str, file_id: int = 0) -> Desk:
    """Who may do what with which template. Raises UploadRefused."""
    found = tx.uploads.uploader(uploader)
    if found is None:
        raise UploadRefused(refused("UPLOADER_UNKNOWN", fact=uploader))
    chosen = template_of(template)
    if found.customer_id is not None and not chosen.owners:
        raise UploadRefused(refused("SCOPE_TEMPLATE", fact=found.customer))
    return Desk(chosen, found, exchange.uploads.rules.rules, exchange.providers, file_id)


def starts(exchange: Exchange, checked: Checked, done: int = 0) -> Iterator[int]:
    yield from range(done, len(checked.rows), exchange.uploads.rules.chunk_rows)


def deal_chunk(tx: Transaction, desk: Desk, exchange: Exchange, checked: Checked, start: int) -> Dealt:
    size = exchange.uploads.rules.chunk_rows
    chunk, passed = checked.rows.slice(start, size), checked.passed.slice(start, size)
    dealt = deal(tx, desk, chunk, passed)
    further = further_findings(tx, desk, chunk.where(pc.invert(passed)), checked.findings)
    return replace(dealt, findings=pa.concat_tables([dealt.findings, further]))


def shown(counts: Counts) -> dict[str, int]:
    return {
        "rows read": counts.rows,
        "rows passed": counts.passed,
        "new": counts.new,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
        "rows failed": counts.failed,
    }
