"""Closes a run: validates what it handled, proves the conservation, and makes the run report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from formats.generic import writer
from formats.generic.layout import REQUEST_DETAIL, RESPONSE_DETAIL, Interface
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.order_dispatch.loading import load
from jobs.catalogue import PLANS
from jobs.context import Exchange
from jobs.errors import MusterError
from jobs.files import FileKind, InboundFile
from jobs.loading import open_answer
from jobs.registry import Transaction
from jobs.runs import BatchFacts, Run, RunReport, RunStatus, Step, Validation
from jobs.states import FileState
from jobs.uploads.reading import upload_subject
from jobs.work import Subject

_LOADED = (FileState.LOADED, FileState.APPLIED, FileState.DONE)


def close_run(exchange: Exchange, run: Run, steps: Sequence[tuple[Step, Sequence[Validation]]]) -> RunReport:
    """The report of a run from its recorded steps (each with the validations of a dry run)."""
    validations = [validation for _, listed in steps for validation in listed]
    if not run.dry_run:
        validations = [exchange.validate(item.schema, item.table, item.name) for item in _subjects(exchange, run)]
    return _report(exchange, run, [step for step, _ in steps], validations)


def close_interrupted(exchange: Exchange, run: Run, steps: Sequence[Step], closed_by: str) -> RunReport:
    """The report of a run that was killed. What it handled is validated by the run that goes on with it."""
    what = f"it was killed before its end, and closed by run {closed_by}; what it committed stands"
    last = Step("interrupted", 0, what, status=RunStatus.INTERRUPTED)
    return _report(exchange, run, [*steps, last], ())


def _report(exchange: Exchange, run: Run, steps: Sequence[Step], validations: Sequence[Validation]) -> RunReport:
    with exchange.registry.view() as tx:
        batches = tx.batches.of_run(run.id)
        conservation = tx.conservation.count()
        if batches:
            totals = tx.conservation.hash_totals([batch.id for batch in batches])
            conservation = replace(conservation, checks=[*conservation.checks, totals])
        return RunReport(
            run=replace(run, status=_status(steps, conservation.holds)),
            ended_at=exchange.clock.now(),
            title=PLANS[run.job].title,
            totals=_totals(steps),
            steps=steps,
            files=tx.runs.files_of(run.id),
            batches=[
                BatchFacts(
                    number=batch.number,
                    state=batch.state,
                    lines=batch.record_count,
                    orders=batch.order_count,
                    hash_total=batch.hash_total,
                    detail_sha256=batch.detail_sha256,
                    file_name=batch.file_name,
                    outcomes=tx.batches.outcome_counts(batch.id),
                )
                for batch in batches
            ],
            findings=tx.runs.finding_counts(run.id),
            validations=validations,
            conservation=conservation,
        )


def _status(steps: Sequence[Step], conserved: bool) -> RunStatus:
    """The worst of the steps; a count that does not add up is worse than all of them."""
    ended = {step.status for step in steps}
    if not conserved or not steps:
        return RunStatus.FAILED
    worst_first = (RunStatus.INTERRUPTED, RunStatus.FAILED, RunStatus.PARTLY, RunStatus.DONE)
    return next((status for status in worst_first if status in ended), RunStatus.NOTHING)


def _totals(steps: Sequence[Step]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for step in steps:
        for name, number in step.counts.items():
            totals[name] = totals.get(name, 0) + number
    return totals


def _subjects(exchange: Exchange, run: Run) -> Iterator[Subject]:
    """The tables this run handled, read again from the archive and the ledger."""
    with exchange.registry.view() as tx:
        files = tx.runs.inbound_files_of(run.id)
        batches = tx.batches.made_by(run.id)
        uploads = tx.uploads.applied_in(run.id)
    for file in files:
        if file.state in _LOADED and not file.is_upload:
            try:
                yield _file_subject(exchange, file)
            except MusterError:
                continue  # the step that handled it has said what is wrong with it
    for upload in uploads:
        yield upload_subject(exchange, upload)
    for batch in batches:
        with exchange.registry.rehearsal() as tx:
            yield _batch_subject(tx, batch.id, batch.number)


def _file_subject(exchange: Exchange, file: InboundFile) -> Subject:
    if file.kind == FileKind.ORDER_DISPATCH:
        rows = load(exchange.archive.read_plaintext(file.sha256)).rows
        return Subject(file.name, ORDER_DISPATCH, rows.drop_columns(["row"]))
    provider = exchange.providers[file.provider]
    return Subject(file.name, RESPONSE_DETAIL, open_answer(exchange, provider, file).content.details)


def _batch_subject(tx: Transaction, batch_id: int, number: str) -> Subject:
    details = tx.claims.request_details(tx.batches.line_ids(batch_id))
    return Subject(number, REQUEST_DETAIL, writer.numbered(Interface.REQUEST, details))
