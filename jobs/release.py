"""Lets a held provider go on, once somebody has said what it was sent: that is reviewed, all else goes out.

A line that may have been sent is never sent on the strength of a guess: what the list names goes to REVIEW, and a
sealed batch with one such line becomes UNCERTAIN whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from formats.sent_list import SentList, fold
from jobs.batching import WHOLE
from jobs.context import Exchange
from jobs.errors import NotFound, StateMoved
from jobs.holds import Hold, UnsentLine
from jobs.registry import Transaction
from jobs.states import BatchState, LineState

SENT_BEFORE_RESTORE = "SENT_BEFORE_RESTORE"


@dataclass(frozen=True)
class OrderShare:
    """Lines of one order that wait: how many go out, and how many into review."""

    order_number: str
    request_type: str
    waiting: int
    to_review: int


@dataclass(frozen=True)
class BatchShare:
    """A sealed batch: how many lines it has, and whether it becomes UNCERTAIN."""

    number: str
    lines: int
    uncertain: bool


@dataclass(frozen=True)
class ReleasePlan:
    """What releasing will do. `settled`: orders on the list of which nothing waits; `unknown`: those nobody knows."""

    hold: Hold
    orders: tuple[OrderShare, ...]
    batches: tuple[BatchShare, ...]
    review: tuple[int, ...]  # order line ids
    settled: tuple[str, ...]
    unknown: tuple[str, ...]


def plan_release(tx: Transaction, provider: str, sent: SentList) -> ReleasePlan:
    """What releasing would do now. Raises NotFound for a provider that is not held."""
    hold = tx.holds.of(provider)
    if hold is None:
        raise NotFound(f"{provider} is not held")
    unsent = tx.holds.unsent(provider)
    waiting = [line for line in unsent if line.batch is None]
    review = _reviewed(waiting, sent)
    known = {fold(number) for number in tx.holds.order_numbers(provider)}
    idle = sent.order_numbers - {fold(line.order_number) for line in unsent}
    return ReleasePlan(
        hold=hold,
        orders=tuple(_orders(waiting, review)),
        batches=tuple(_batches([line for line in unsent if line.batch is not None], sent)),
        review=tuple(sorted(review)),
        settled=tuple(sorted(idle & known)),
        unknown=tuple(sorted(idle - known)),
    )


def release(exchange: Exchange, sent: SentList, shown: ReleasePlan, actor: str, reason: str) -> None:
    """Carry out what was shown, in one transaction. Raises StateMoved if it would do something else by now."""
    provider = shown.hold.provider
    with exchange.lease(f"{provider}:out") as exchange, exchange.registry.transaction() as tx:
        if plan_release(tx, provider, sent) != shown:
            raise StateMoved("what waits has changed since it was shown", provider=provider)
        now = exchange.clock.now()
        tx.claims.settle_unsent(dict.fromkeys(shown.review, (LineState.REVIEW, SENT_BEFORE_RESTORE)))
        doubtful = [item.number for item in shown.batches if item.uncertain]
        for number in doubtful:
            _doubt(tx, exchange, number, actor, reason)
        tx.holds.lift(provider)
        tx.audit.append(
            actor=actor,
            action="provider released",
            subject=f"provider {provider}",
            now=now,
            reason=reason,
            facts={
                "listed_orders": len(sent.order_numbers),
                "unknown_orders": len(shown.unknown),
                "lines_to_review": len(shown.review),
                "lines_waiting": sum(item.waiting - item.to_review for item in shown.orders),
                "batches_uncertain": doubtful,
                "batches_to_send": [item.number for item in shown.batches if not item.uncertain],
            },
        )


def _reviewed(waiting: Iterable[UnsentLine], sent: SentList) -> set[int]:
    """Lines on the list, and with one of an override or a void all of it: the rest would act on the wrong devices."""
    named = [line for line in waiting if sent.names(line.order_number, line.identifiers)]
    whole = {line.order_id for line in named if line.request_type in WHOLE}
    return {line.line_id for line in named} | {line.line_id for line in waiting if line.order_id in whole}


def _orders(waiting: Iterable[UnsentLine], review: set[int]) -> Iterable[OrderShare]:
    grouped: dict[int, list[UnsentLine]] = {}
    for line in waiting:
        grouped.setdefault(line.order_id, []).append(line)
    for lines in grouped.values():
        reviewed = sum(line.line_id in review for line in lines)
        yield OrderShare(lines[0].order_number, lines[0].request_type, len(lines), reviewed)


def _batches(sealed: Iterable[UnsentLine], sent: SentList) -> Iterable[BatchShare]:
    grouped: dict[str, list[UnsentLine]] = {}
    for line in sealed:
        grouped.setdefault(line.batch or "", []).append(line)
    for number, lines in grouped.items():
        doubtful = any(sent.names(line.order_number, line.identifiers) for line in lines)
        yield BatchShare(number, len(lines), doubtful)


def _doubt(tx: Transaction, exchange: Exchange, number: str, actor: str, reason: str) -> None:
    batch = tx.batches.find(number)
    if batch is None:
        raise NotFound(f"there is no batch {number!r}")
    now = exchange.clock.now()
    tx.batches.move(batch.id, BatchState.SEALED, BatchState.UNCERTAIN)
    tx.batches.add_evidence(batch.id, "uncertain", {"code": SENT_BEFORE_RESTORE, "what": reason}, now)
    tx.audit.append(actor=actor, action="batch uncertain", subject=f"batch {number}", now=now, reason=reason)
