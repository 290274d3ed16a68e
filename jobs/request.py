"""Device Enrolment Request: waiting lines become sealed batches (Extract / To Generic Format).

One transaction per batch: claim (unique row), sequence number, records, totals, digest,
ciphertext in the archive. What is sealed never changes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from formats import identifiers
from formats.enrolment import RequestType
from formats.findings import Finding
from formats.generic import writer
from formats.generic.layout import REQUEST_DETAIL, Interface
from formats.generic.model import Header, Written
from formats.judge import judge
from formats.schema import UniqueTogether
from jobs.batching import WHOLE, EligibleOrder, split
from jobs.codes import ProviderKind
from jobs.context import Exchange
from jobs.errors import StateMoved
from jobs.holds import must_not_be_held
from jobs.providers import BatchLimits, Provider
from jobs.registry import Transaction
from jobs.runs import ORDER_LINE, Run
from jobs.states import BatchState, DeviceState, LineState
from jobs.work import SourceFindings, Subject, Work, findings_table

_INTERNAL = ("order_line_id", "device_id")
_ORDERS_NAMED = 500
"""Of more orders a report only counts the lines; the command that lists them has no such limit."""


def extract_to_generic_format(exchange: Exchange, run: Run) -> Work:
    """Seal every line whose turn has come into batches within the provider's limits. Raises ProviderHeld."""
    provider = exchange.provider(run)
    work = Work("extract_to_generic_format")
    with exchange.registry.view() as tx:
        must_not_be_held(tx.holds, provider.name)
    if run.batch is not None:
        work.notes.append(f"run for batch {run.batch}: nothing new is sealed")
        return work
    with exchange.lease(f"{provider.name}:out") as exchange:
        if run.dry_run:
            with exchange.change(run) as tx:
                for line_ids in _plan(exchange, tx, run, provider, work):
                    _seal(exchange, tx, run, provider, line_ids, work)
        else:
            with exchange.change(run) as tx:
                planned = _plan(exchange, tx, run, provider, work)
            for line_ids in planned:
                with exchange.change(run) as tx:
                    _seal(exchange, tx, run, provider, line_ids, work)
    return work


@dataclass(frozen=True)
class _Candidate:
    """An eligible line, and how it ends without being sent, if it does."""

    order_line_id: int
    order_id: int
    customer_id: int
    request_type: RequestType
    ends: tuple[LineState, str] | None
    order_number: str
    line_number: int


def _plan(exchange: Exchange, tx: Transaction, run: Run, provider: Provider, work: Work) -> list[list[int]]:
    """Settle what need not or may not be sent; the rest as lists of order line ids, one per batch."""
    kind = exchange.kind(provider)
    candidates = _candidates(tx, run, provider, kind)
    ended = {item.order_line_id: item.ends for item in candidates if item.ends is not None}
    orders = [
        EligibleOrder(order_id, group[0].customer_id, group[0].request_type, [item.order_line_id for item in group])
        for order_id, group in _by_order(candidates)
    ]
    limits = BatchLimits(
        devices_per_batch=min(provider.limits.devices_per_batch, kind.limits.devices_per_batch),
        orders_per_batch=min(provider.limits.orders_per_batch, kind.limits.orders_per_batch),
    )
    plan = split(orders, limits, provider.grouping)
    for order in plan.oversized:
        ended |= dict.fromkeys(order.line_ids, (LineState.REVIEW, "ORDER_TOO_LARGE"))
    tx.claims.settle_unsent(ended)
    unchanged = [line for line, (state, _) in ended.items() if state is LineState.UNCHANGED]
    tx.answers.settle_locally(unchanged, exchange.clock.now())
    work.done += len(ended)
    work.failed += len(ended) - len(unchanged)
    if ended:
        work.count({"lines unchanged": len(unchanged), "lines to review": len(ended) - len(unchanged)})
    _say_reviewed(tx, run, candidates, ended, work)
    return [list(batch) for batch in plan.batches]


def _say_reviewed(
    tx: Transaction,
    run: Run,
    candidates: list[_Candidate],
    ended: dict[int, tuple[LineState, str]],
    work: Work,
) -> None:
    """A finding for each line that a person has to look at, by order and line number."""
    sources: dict[str, list[Finding]] = {}
    for item in candidates:
        state, code = ended.get(item.order_line_id, (LineState.WAITING, ""))
        if state is not LineState.REVIEW:
            continue
        source = f"order {item.order_number}"
        if source not in sources and len(sources) >= _ORDERS_NAMED:
            source = "further orders"
        sources.setdefault(source, []).append(Finding(code, item.line_number, ORDER_LINE))
    for source, listed in sources.items():
        found = findings_table(listed)
        work.findings.append(SourceFindings(source, found))
        tx.runs.add_findings(run.id, None, source, found)
    if sources:
        work.notes.append(f"muster lines --state {LineState.REVIEW} lists what waits for a person")


def _by_order(candidates: list[_Candidate]) -> list[tuple[int, list[_Candidate]]]:
    """Lines to send, by order. A whole-order instruction with one line in review is not sent at all."""
    grouped = [(order_id, list(group)) for order_id, group in groupby(candidates, key=lambda item: item.order_id)]
    return [
        (order_id, sendable)
        for order_id, group in grouped
        if (sendable := [item for item in group if item.ends is None])
    ]


def _candidates(tx: Transaction, run: Run, provider: Provider, kind: ProviderKind) -> list[_Candidate]:
    table = tx.claims.eligible_lines(provider.name, run.order)
    if table.num_rows == 0:
        return []
    details = tx.claims.request_details(table["order_line_id"].to_pylist())
    refused = pc.or_(pc.or_(kind.refuses(details), _breaks_layout(details)), _same_name(details)).to_pylist()
    candidates = [
        _Candidate(
            row["order_line_id"],
            row["order_id"],
            row["customer_id"],
            RequestType(row["request_type"]),
            _end_of(row, provider, faulty),
            row["order_number"],
            row["line_number"],
        )
        for row, faulty in zip(table.to_pylist(), refused, strict=True)
    ]
    return _whole_orders(candidates)


def _breaks_layout(details: pa.Table) -> pa.BooleanArray:
    """Records the generic format would refuse, such as a line whose customer lost its organisation id."""
    return pc.invert(judge(_RECORD_RULES, writer.numbered(Interface.REQUEST, details)).passed)


def _same_name(details: pa.Table) -> pa.BooleanArray:
    """Different devices with one device id, such as one's serial number that is another's IMEI:

    an answer could not tell them apart.
    """
    devices = identifiers.device_id(details).combine_chunks()
    counted = devices.value_counts()
    repeated = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    return pc.is_in(devices, value_set=repeated)


_RECORD_RULES = replace(
    REQUEST_DETAIL, rules=tuple(rule for rule in REQUEST_DETAIL.rules if not isinstance(rule, UniqueTogether))
)
"""The rules of one record; uniqueness is the batch's (two batches may hold one line number)."""


def _end_of(row: dict[str, Any], provider: Provider, faulty: bool) -> tuple[LineState, str] | None:
    """How a line ends before it is sent: nothing to do, or not allowed; None sends it.

    What was known when it was taken in may be otherwise by now.
    """
    request_type = RequestType(row["request_type"])
    held = row["device_state"] == DeviceState.ENROLLED
    at_provider = held and row["device_provider"] == provider.name
    here = at_provider and row["device_order"] == row["order_number"]
    if faulty or request_type not in provider.request_types:
        return LineState.REVIEW, "PROVIDER_REFUSES_LINE"
    if request_type is RequestType.RETURN:
        if not held:
            return LineState.REVIEW, "RETURN_NOT_ENROLLED"
        own = at_provider and row["device_customer_id"] == row["customer_id"]
        return None if own else (LineState.REVIEW, "DEVICE_ELSEWHERE")
    if request_type is RequestType.VOID:
        return None
    if held and not here:
        return LineState.REVIEW, "DEVICE_ON_OTHER_ORDER"
    if here and request_type is RequestType.ORDER:
        return LineState.UNCHANGED, "ENROLLED_ALREADY"
    return None


def _whole_orders(candidates: list[_Candidate]) -> list[_Candidate]:
    """An override or void that lost a line would act on the wrong devices: all of it goes to review."""
    spoilt = {item.order_id for item in candidates if item.request_type in WHOLE and item.ends is not None}
    review = (LineState.REVIEW, "ORDER_HELD_BACK")
    return [
        replace(item, ends=review) if item.order_id in spoilt and item.ends is None else item for item in candidates
    ]


def _seal(exchange: Exchange, tx: Transaction, run: Run, provider: Provider, line_ids: list[int], work: Work) -> None:
    now = exchange.clock.now()
    details = tx.claims.request_details(line_ids)
    sequence = tx.batches.next_sequence(provider.name)
    number = provider.batch_number(sequence)
    file_name = provider.file_name(sequence)
    batch_id = tx.batches.create(
        provider=provider.name, sequence=sequence, number=number, file_name=file_name, run_id=run.id, now=now
    )
    claimed = details.select(_INTERNAL).append_column("device_key", identifiers.device_id(details))
    if tx.claims.claim(batch_id, claimed) != len(line_ids):
        raise StateMoved("some lines were claimed by another run", provider=provider.name)
    header = Header(Interface.REQUEST, batch_id, number, sequence, provider.name, now, now, file_name)
    written = writer.write(header, details.drop_columns(list(_INTERNAL)))
    tx.batches.move(
        batch_id,
        BatchState.CREATING,
        BatchState.SEALED,
        record_count=written.totals.record_count,
        order_count=written.totals.order_count,
        hash_total=written.totals.hash_total,
        detail_sha256=written.totals.detail_sha256,
        plaintext_sha256=hashlib.sha256(written.data).hexdigest(),
        archive_key="" if run.dry_run else _archive(exchange, provider, written),
    )
    tx.audit.append(
        actor=run.actor,
        action="batch sealed",
        subject=f"batch {number}",
        now=now,
        facts={"run": run.id, "records": written.totals.record_count, "detail_sha256": written.totals.detail_sha256},
    )
    work.done += 1
    done = "to seal" if run.dry_run else "sealed"
    work.count({f"batches {done}": 1, f"lines {done}": written.totals.record_count})
    work.subjects.append(Subject(number, REQUEST_DETAIL, writer.numbered(Interface.REQUEST, details)))


def _archive(exchange: Exchange, provider: Provider, written: Written) -> str:
    """The ciphertext lies in the archive before the batch is sealed, so a resend is the same bytes.

    Crash window: archived but not committed leaves one ciphertext that no batch names.
    """
    with exchange.spool.file(".pgp") as sealed:
        exchange.cipher.protect(written.data, sealed, provider.keys, exchange.clock.now().date())
        return exchange.archive.keep(sealed)
