"""Order dispatch: takes order files from the inboxes into the registry.

A file is recognised by its digest, a line by its order, number and content; taking either
in twice changes nothing. Rows that break a rule are refused one by one; a file that cannot
be read goes to quarantine whole.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc

from formats.enrolment import RequestType
from formats.findings import FINDINGS_SCHEMA
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.order_dispatch.loading import Loaded, load
from formats.order_dispatch.raw import FileFault
from formats.traces import traces
from jobs.context import Exchange
from jobs.files import Arrival, FileKind, InboundFile, plain
from jobs.intake import content_digests, judge_rows
from jobs.ports import Folder
from jobs.registry import Transaction
from jobs.runs import Run
from jobs.stability import Gate, Steady, by_place, steady_files
from jobs.states import FileState
from jobs.taking import put_out, take
from jobs.unread import say_names
from jobs.work import SourceFindings, Subject, Work, findings_table

_PASSES = (RequestType.ORDER, RequestType.OVERRIDE, RequestType.RETURN, RequestType.VOID)
"""Orders first, so that a return or void later in the same file finds its device."""


def load_order_dispatch(exchange: Exchange, run: Run) -> Work:
    """Take in every stable file of every inbox, oldest first."""
    work = Work("load_order_dispatch")
    with exchange.lease("orders:in") as exchange:
        for inbox in exchange.inboxes:
            with inbox.connected():
                _empty(exchange, run, inbox, work)
    return work


def _empty(exchange: Exchange, run: Run, inbox: Folder, work: Work) -> None:
    listing = inbox.look()
    gate = Gate(f"orders {inbox.place}", exchange.inbox_limits.settle, exchange.inbox_limits.unsettled)
    for steady in steady_files(exchange, run, gate, by_place(listing), lambda: by_place(inbox.look()), work):
        _take(exchange, run, inbox, steady, work)
    say_names(exchange, run, inbox.place, listing, work)


def _take(exchange: Exchange, run: Run, inbox: Folder, steady: Steady, work: Work) -> None:
    read = take(exchange, run, inbox, steady, exchange.inbox_limits.max_bytes, work)
    if read is None:
        return
    work.done += 1
    keeps = read.gone or not run.dry_run  # what a server handed out once is nowhere else
    digest = exchange.archive.keep_plaintext(read.data) if keeps else hashlib.sha256(read.data).hexdigest()
    arrival = Arrival(
        kind=FileKind.ORDER_DISPATCH,
        provider="",
        name=plain(read.file.name),
        media="plain",
        sha256=digest,
        size=len(read.data),
        place=inbox.place,
        mtime=read.file.mtime if read.timed else 0,
    )
    try:
        loaded = load(read.data, exchange.uploads.rules.rules.identifier_placeholders)
    except FileFault as fault:
        _set_aside(exchange, run, arrival, fault, work)
    else:
        _load(exchange, run, arrival, loaded, work)
    if not run.dry_run:
        # crash window: committed but still in the inbox; the next run knows the digest and removes it
        put_out(inbox, read, f"{arrival.name} is dealt with", work)


def _claim(exchange: Exchange, tx: Transaction, run: Run, arrival: Arrival) -> InboundFile:
    claimed = tx.files.claim(arrival, run.id, exchange.clock.now())
    tx.runs.touch_file(run.id, claimed.id, "" if claimed.new else "known already")
    return claimed


def _set_aside(exchange: Exchange, run: Run, arrival: Arrival, fault: FileFault, work: Work) -> None:
    found = findings_table(fault.findings)
    with exchange.change(run) as tx:
        claimed = _claim(exchange, tx, run, arrival)
        if claimed.new:
            kind = fault.findings[0].kind
            tx.files.set_aside(claimed, kind.code, kind.title, exchange.clock.now())
            tx.runs.add_findings(run.id, claimed.id, arrival.name, found)
            _audit(exchange, tx, run, "order file quarantined", arrival.sha256, {"code": kind.code})
    work.failed += 1
    work.count({"files set aside": 1})
    work.findings.append(SourceFindings(arrival.name, found))


def _load(exchange: Exchange, run: Run, arrival: Arrival, loaded: Loaded, work: Work) -> None:
    with exchange.change(run) as tx:
        claimed = _claim(exchange, tx, run, arrival)
        if not claimed.new:
            work.count({"files known already": 1})
            return
        findings, passed, duplicate = _load_rows(exchange, tx, loaded, claimed.id)
        counts = {
            "rows_read": loaded.read,
            "rows_passed": passed,
            "rows_duplicate": duplicate,
            "rows_failed": loaded.read - passed - duplicate,
        }
        tx.files.describe(claimed.id, **counts)
        tx.files.move(claimed.id, FileState.COLLECTED, FileState.DONE)
        tx.runs.add_findings(run.id, claimed.id, arrival.name, findings)
        _audit(exchange, tx, run, "order file loaded", arrival.sha256, counts)
    work.failed += counts["rows_failed"]
    work.count({name.replace("_", " "): number for name, number in counts.items()})
    work.findings.append(SourceFindings(arrival.name, findings))
    work.subjects.append(Subject(arrival.name, ORDER_DISPATCH, loaded.rows.drop_columns(["row"])))


def _load_rows(exchange: Exchange, tx: Transaction, loaded: Loaded, file_id: int) -> tuple[pa.Table, int, int]:
    """Findings of the whole file, and how many rows became lines or were known already."""
    good = loaded.rows.filter(loaded.passed)
    parts = [loaded.findings]
    passed = duplicate = 0
    sound = [pa.array([], pa.int64())]
    for request_type in _PASSES:
        rows = good.filter(pc.equal(good["request_type"], request_type)).combine_chunks()
        if rows.num_rows == 0:
            continue
        digests = content_digests(rows)
        judged = judge_rows(rows, tx.intake.enrich(rows), digests, exchange.providers)
        accepted = rows.append_column("content_sha256", digests).filter(judged.accepted)
        if accepted.num_rows:
            tx.intake.insert_rows(accepted, file_id)
        passed += accepted.num_rows
        duplicate += pc.sum(judged.duplicate).as_py() or 0
        parts.append(judged.findings)
        sound.append(rows["row"].filter(pc.or_(judged.accepted, judged.duplicate)).combine_chunks())
    known = pc.is_in(loaded.rows["row"], value_set=pa.concat_arrays(sound))
    tx.intake.keep_refused(traces(ORDER_DISPATCH, loaded.rows.filter(pc.invert(known))), file_id)
    return pa.concat_tables(parts).cast(FINDINGS_SCHEMA).sort_by("row"), passed, duplicate


def _audit(
    exchange: Exchange, tx: Transaction, run: Run, action: str, digest: str, facts: dict[str, int] | dict[str, str]
) -> None:
    tx.audit.append(
        actor=run.actor,
        action=action,
        subject=f"file {digest}",
        now=exchange.clock.now(),
        facts={**facts, "run": run.id},
    )
