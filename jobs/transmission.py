"""Device Enrolment Adaptor, outbound: sealed batches to the provider, and doubt settled first.

`SENDING` is committed before the first byte leaves. What cannot be proved sent is
`UNCERTAIN` and held until a listing or the provider's answer settles it.
"""

from __future__ import annotations

from dataclasses import asdict

from jobs.batches import Batch
from jobs.context import Exchange
from jobs.errors import DeliveryUncertain, MusterError, Refused
from jobs.ports import Delivery, Session
from jobs.providers import Provider, UnknownOutcomePolicy
from jobs.runs import Run
from jobs.states import BatchState
from jobs.work import Work


def settle_uncertain(exchange: Exchange, run: Run) -> Work:
    """Settle what an earlier run left: batches in SENDING (it died) and UNCERTAIN."""
    provider = exchange.provider(run)
    work = Work("settle_uncertain")
    with exchange.lease(f"{provider.name}:out") as exchange:
        if run.dry_run:
            return _count_doubtful(exchange, run, provider, work)
        with exchange.registry.transaction() as tx:
            for batch in tx.batches.in_states(provider.name, (BatchState.SENDING,), run.batch):
                tx.batches.move(batch.id, BatchState.SENDING, BatchState.UNCERTAIN)
                tx.batches.add_evidence(batch.id, "interrupted", {"run": run.id}, exchange.clock.now())
            doubtful = tx.batches.in_states(provider.name, (BatchState.UNCERTAIN,), run.batch)
        if not doubtful:
            return work
        with exchange.channels.channel(provider).open() as session:
            for batch in doubtful:
                _settle(exchange, run, provider, session, batch, work)
    return work


def _count_doubtful(exchange: Exchange, run: Run, provider: Provider, work: Work) -> Work:
    with exchange.registry.view() as tx:
        doubtful = tx.batches.in_states(provider.name, (BatchState.SENDING, BatchState.UNCERTAIN), run.batch)
    if doubtful:
        work.done = len(doubtful)
        work.notes.append(f"dry run: {len(doubtful)} batches in doubt, nothing is settled")
    return work


def device_enrolment_adaptor(exchange: Exchange, run: Run) -> Work:
    """Deliver every sealed batch, in sequence, over one session."""
    provider = exchange.provider(run)
    work = Work("device_enrolment_adaptor")
    with exchange.lease(f"{provider.name}:out") as exchange:
        with exchange.registry.view() as tx:
            sealed = tx.batches.in_states(provider.name, (BatchState.SEALED,), run.batch)
            sealed = [batch for batch in sealed if run.order in (None, *tx.batches.order_numbers(batch.id))]
        if run.dry_run:
            work.done = len(sealed)
            work.notes.append(f"dry run: {len(sealed)} sealed batches wait, nothing is sent")
            return work
        if sealed:
            with exchange.channels.channel(provider).open() as session:
                for batch in sealed:
                    _send(exchange, run, provider, session, batch, work)
    return work


def _send(exchange: Exchange, run: Run, provider: Provider, session: Session, batch: Batch, work: Work) -> None:
    _commit_intent(exchange, run, batch)
    try:
        delivery = _deliver(exchange, run, provider, session, batch)
    except DeliveryUncertain as doubt:
        _record(exchange, run, batch, BatchState.UNCERTAIN, "uncertain", {"what": doubt.what})
        work.failed += 1
        work.done += 1
        work.count({"batches uncertain": 1})
        work.notes.append(f"{batch.number}: {doubt.what}")
        return
    except MusterError as error:
        # every other error of a delivery leaves the final name untouched (jobs.ports.Session)
        _record(exchange, run, batch, BatchState.SEALED, "not_sent", {"code": error.code})
        if not isinstance(error, Refused):
            raise
        work.failed += 1
        work.done += 1
        work.notes.append(f"{batch.number}: {error}")
        return
    _sent(exchange, run, batch, BatchState.SENDING, "delivery", delivery)
    work.done += 1
    work.count({"batches sent": 1, "lines sent": batch.record_count})


def _commit_intent(exchange: Exchange, run: Run, batch: Batch) -> None:
    with exchange.registry.transaction() as tx:
        tx.batches.move(batch.id, BatchState.SEALED, BatchState.SENDING)
        tx.batches.touch(run.id, batch.id)
        tx.audit.append(
            actor=run.actor,
            action="batch sending",
            subject=f"batch {batch.number}",
            now=exchange.clock.now(),
            facts={"run": run.id, "file": batch.file_name, "sha256": batch.archive_key},
        )


def _deliver(exchange: Exchange, run: Run, provider: Provider, session: Session, batch: Batch) -> Delivery:
    exchange.intend(provider.name, batch.sequence, run)
    source = exchange.archive.path(batch.archive_key)
    return session.deliver(source, provider.folders.outbound, batch.file_name, exchange.still_alone)


def _settle(exchange: Exchange, run: Run, provider: Provider, session: Session, batch: Batch, work: Work) -> None:
    """A final name of our size proves it was sent; a temporary file left proves it was not."""
    size = exchange.archive.path(batch.archive_key).stat().st_size
    final = session.stat(provider.folders.outbound, batch.file_name)
    work.done += 1
    if final is not None and final.size == size:
        delivery = Delivery(final.name, final.size, final.mtime, "")
        _sent(exchange, run, batch, BatchState.UNCERTAIN, "listing", delivery)
        work.count({"batches proved sent": 1})
    elif final is None and session.unfinished(provider.folders.outbound, batch.file_name):
        _record(exchange, run, batch, BatchState.SEALED, "not_sent", {"temporary file": "left"}, BatchState.UNCERTAIN)
        work.count({"batches proved not sent": 1})
    elif provider.on_unknown_outcome is UnknownOutcomePolicy.RESEND:
        _resend(exchange, run, provider, session, batch, work)
    else:
        work.failed += 1
        work.count({"batches held": 1})
        work.notes.append(f"{batch.number}: no proof yet, held until the provider answers")


def _resend(exchange: Exchange, run: Run, provider: Provider, session: Session, batch: Batch, work: Work) -> None:
    try:
        delivery = _deliver(exchange, run, provider, session, batch)
    except (DeliveryUncertain, Refused) as doubt:  # as uncertain as before; other batches go on
        with exchange.registry.transaction() as tx:
            tx.batches.add_evidence(batch.id, "uncertain", {"what": doubt.what, "run": run.id}, exchange.clock.now())
        work.failed += 1
        work.notes.append(f"{batch.number}: {doubt.what}")
    else:
        _sent(exchange, run, batch, BatchState.UNCERTAIN, "resend", delivery)
    work.count({"batches sent again": 1})


def _sent(exchange: Exchange, run: Run, batch: Batch, before: BatchState, kind: str, delivery: Delivery) -> None:
    now = exchange.clock.now()
    with exchange.registry.transaction() as tx:
        tx.batches.move(batch.id, before, BatchState.SENT, sent_at=now)
        tx.batches.mark_sent(batch.id)
        tx.batches.touch(run.id, batch.id)
        tx.batches.add_evidence(batch.id, kind, asdict(delivery) | {"sha256": batch.archive_key}, now)
        tx.audit.append(
            actor=run.actor,
            action="batch sent",
            subject=f"batch {batch.number}",
            now=now,
            facts={"run": run.id, "proof": kind},
        )


def _record(
    exchange: Exchange,
    run: Run,
    batch: Batch,
    after: BatchState,
    kind: str,
    facts: dict[str, object],
    before: BatchState = BatchState.SENDING,
) -> None:
    now = exchange.clock.now()
    with exchange.registry.transaction() as tx:
        tx.batches.move(batch.id, before, after)
        tx.batches.touch(run.id, batch.id)
        tx.batches.add_evidence(batch.id, kind, {**facts, "run": run.id}, now)
        tx.audit.append(
            actor=run.actor,
            action=f"batch {kind.replace('_', ' ')}",
            subject=f"batch {batch.number}",
            now=now,
            facts={"run": run.id},
        )
