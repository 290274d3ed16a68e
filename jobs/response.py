"""Device Enrolment Response: applies loaded answers, one transaction per file, remote move last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, takewhile
from typing import Any

import pyarrow as pa

from formats.enrolment import Level
from formats.findings import Finding
from jobs.batches import Batch
from jobs.context import Exchange
from jobs.files import FileKind, InboundFile
from jobs.loading import concerns, open_or_set_aside
from jobs.providers import Provider
from jobs.put_away import lying_there, put_away
from jobs.registry import Transaction
from jobs.resolution import Decision, Resolution, resolve
from jobs.runs import Run
from jobs.states import AWAITING_ANSWER, BatchState, FileState, LineState
from jobs.work import SourceFindings, Work, findings_table

_FAILED = (LineState.REJECTED, LineState.REVIEW)
_WAITING = (LineState.SENT, LineState.SEALED)
_CODES_NAMED = 20
_IN_DOUBT = "ANSWER_OVERRIDE_PARTIAL"


def device_enrolment_response(exchange: Exchange, run: Run) -> Work:
    """Apply every loaded answer of the provider in the order of arrival, then tidy the remote folder."""
    provider = exchange.provider(run)
    work = Work("device_enrolment_response")
    with exchange.lease(f"{provider.name}:in") as exchange:
        with exchange.registry.view() as tx:
            loaded = tx.files.in_states(FileKind.RESPONSE, provider.name, (FileState.LOADED,))
            loaded = [file for file in loaded if concerns(tx, run, tx.batches.by_id(file.batch_id or 0))]
        for file in loaded:
            _apply(exchange, run, provider, file, work)
        if not run.dry_run:
            _put_away(exchange, provider, work)
    return work


def _apply(exchange: Exchange, run: Run, provider: Provider, file: InboundFile, work: Work) -> None:
    answer = open_or_set_aside(exchange, run, provider, file, work)  # its key may have ended since it was loaded
    if answer is None:
        return
    details = answer.content.details
    now = exchange.clock.now()
    with exchange.change(run) as tx:
        batch = tx.batches.by_id(file.batch_id or 0)
        _answered(exchange, tx, batch)
        lines = tx.answers.lines_of(batch.id)
        resolution = resolve(exchange.kind(provider), details, lines)
        findings = [*resolution.findings, *_contradictions(lines, resolution)]
        settling = _settling(lines, resolution)
        settled = tx.answers.apply(file.id, resolution.decisions, now)
        in_doubt = tx.answers.doubt_left_out(file.id, _IN_DOUBT)
        findings += [Finding(_IN_DOUBT)] * in_doubt
        tx.answers.keep_envelope(file.id, batch.id, resolution.envelope)
        tx.answers.add_events(_events(provider, batch, file, lines, settling, exchange))
        _advance(tx, batch)
        tx.files.describe(file.id, rows_passed=settled, **_other_rows(details, resolution, settling))
        tx.files.move(file.id, FileState.LOADED, FileState.APPLIED)
        tx.files.rest(file.id)
        tx.runs.touch_file(run.id, file.id)
        tx.batches.touch(run.id, batch.id)
        tx.runs.add_findings(run.id, file.id, file.name, findings_table(findings))
        tx.audit.append(
            actor=run.actor,
            action="answer applied",
            subject=f"file {file.sha256}",
            now=now,
            facts={"run": run.id, "batch": batch.number, "lines": settled, "lines_in_doubt": in_doubt},
        )
    states = Counter(str(item.state) for item in settling)
    work.failed += states[LineState.REVIEW] + in_doubt
    work.done += 1
    work.count({"files applied": 1, "lines applied": settled})
    work.count({"envelope records": len(resolution.envelope)} if resolution.envelope else {})
    work.notes += _failures(settling)
    work.count({f"lines {state.lower()}": number for state, number in sorted(states.items())})
    work.count({"lines in doubt": in_doubt} if in_doubt else {})
    work.findings.append(SourceFindings(file.name, findings_table(findings)))


def _failures(settling: Sequence[Decision]) -> list[str]:
    """The provider's codes of the lines that did not end well: `REJECTED with DE-4301 2, without a code 1`."""
    counted = Counter((str(item.state), item.provider_code) for item in settling if item.state in _FAILED)
    return [
        f"{state} with {code} {number:,}" if code else f"{state} without a code {number:,}"
        for (state, code), number in counted.most_common(_CODES_NAMED)
    ]


def _answered(exchange: Exchange, tx: Transaction, batch: Batch) -> None:
    """An answer proves that an uncertain batch was delivered."""
    if batch.state is BatchState.UNCERTAIN:
        now = exchange.clock.now()
        tx.batches.mark_sent(batch.id)
        tx.attempts.prove_sent(batch.id, now)
        tx.batches.add_evidence(batch.id, "answer", {"settles": "uncertain"}, now)


def _advance(tx: Transaction, batch: Batch) -> None:
    if batch.state not in AWAITING_ANSWER:
        return
    after = BatchState.CLOSED if tx.answers.waiting(batch.id) == 0 else BatchState.ANSWERED
    if after is not batch.state:
        tx.batches.move(batch.id, batch.state, after)


def _settling(lines: pa.Table, resolution: Resolution) -> list[Decision]:
    """The decisions that settle a line; the others are in progress, or their line is settled already."""
    states = dict(zip(lines["order_line_id"].to_pylist(), lines["state"].to_pylist(), strict=True))
    return [item for item in resolution.decisions if item.state is not None and states[item.order_line_id] in _WAITING]


def _other_rows(details: pa.Table, resolution: Resolution, settling: Sequence[Decision]) -> dict[str, int]:
    """Device records that settled no line: said before or in progress, or of no use."""
    records = details.num_rows - len(resolution.envelope)
    used = sum(item.level is Level.DEVICE for item in resolution.decisions)
    settled = sum(item.level is Level.DEVICE for item in settling)
    return {"rows_duplicate": used - settled, "rows_failed": records - used}


def _contradictions(lines: pa.Table, resolution: Resolution) -> list[Finding]:
    """Lines settled before that this answer says something else about: the first result stands."""
    states = dict(zip(lines["order_line_id"].to_pylist(), lines["state"].to_pylist(), strict=True))
    return [
        Finding("ANSWER_CONTRADICTS")
        for item in resolution.decisions
        if item.state is not None
        and states[item.order_line_id] not in _WAITING
        and states[item.order_line_id] != item.state
    ]


def _events(
    provider: Provider,
    batch: Batch,
    file: InboundFile,
    lines: pa.Table,
    settling: Sequence[Decision],
    exchange: Exchange,
) -> list[dict[str, Any]]:
    """One event per order and result, with the provider's messages in its notes (M12 to M14)."""
    orders = dict(zip(lines["order_line_id"].to_pylist(), lines["order_number"].to_pylist(), strict=True))
    grouped: dict[tuple[str, str], list[Decision]] = {}
    for item in settling:
        failed = item.state in _FAILED
        if provider.events.on_failure if failed else provider.events.on_success:
            kind = "enrolment_failed" if failed else "enrolment_succeeded"
            grouped.setdefault((orders[item.order_line_id], kind), []).append(item)
    return [
        {
            "kind": kind,
            "provider": provider.name,
            "batch_id": batch.id,
            "order_number": order_number,
            "file_id": file.id,
            "devices": len(members),
            "notes": notes(members, provider.events.notes_limit),
            "at": exchange.clock.now(),
        }
        for (order_number, kind), members in grouped.items()
    ]


def notes(members: Sequence[Decision], limit: int) -> str:
    """`code: message (n devices)` per distinct message, most frequent first, cut at a whole note."""
    counted = Counter((item.provider_code or "", item.message or "") for item in members)
    parts = [_note(code, message, number) for (code, message), number in counted.most_common()]
    whole = "\n".join(parts)
    if len(whole) <= limit:
        return whole
    room = limit - len(f"… and {len(parts)} more")
    ends = takewhile(lambda end: end <= room, accumulate(len(part) + 1 for part in parts))
    kept = sum(1 for _ in ends)
    if kept == 0:
        return parts[0][: limit - 1] + "…"
    return "\n".join([*parts[:kept], f"… and {len(parts) - kept} more"])


def _note(code: str, message: str, number: int) -> str:
    text = ": ".join(part for part in (code, message) if part) or "without a code or message"
    return f"{text} ({number} device{'' if number == 1 else 's'})"


def _put_away(exchange: Exchange, provider: Provider, work: Work) -> None:
    """Crash window: applied but not moved; the file is known by its digest and moved by the next run."""
    with exchange.registry.view() as tx:
        settled = tx.files.to_put_away(provider.name)
    remote = [file for file in settled if not file.is_posted]
    if remote:
        with exchange.channels.channel(provider).open() as session:
            for file, there in lying_there(session, provider, remote):
                put_away(exchange, provider, session, file, there)
    for file in settled:
        with exchange.registry.transaction() as tx:
            tx.files.put_away(file.id)
    work.count({"files put away": len(remote)} if remote else {})
