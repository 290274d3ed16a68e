"""Device Enrolment Adaptor, outbound: sealed batches to the provider, and doubt settled first.

`SENDING` and the attempt are committed before the first byte leaves. What cannot be proved sent is
`UNCERTAIN` and held until a look, or the provider's answer, settles every attempt (`jobs.attempts`).
"""

from __future__ import annotations

from jobs.attempts import AttemptOutcome, Judgement, Verdict, judge
from jobs.batches import Batch
from jobs.context import Exchange
from jobs.errors import DeliveryUncertain, MusterError, Refused
from jobs.holds import must_not_be_held
from jobs.ports import Final, Sight
from jobs.providers import Provider, UnknownOutcomePolicy
from jobs.runs import Run
from jobs.sending import Conclusion, Outbound, Reconnecting, attempt, clear, record, sent
from jobs.states import BatchState
from jobs.work import Work

_IN_DOUBT = (BatchState.SENDING, BatchState.UNCERTAIN)


def settle_uncertain(exchange: Exchange, run: Run) -> Work:
    """Settle what an earlier run left: batches in SENDING (it died) and UNCERTAIN."""
    provider = exchange.provider(run)
    work = Work("settle_uncertain")
    with exchange.lease(f"{provider.name}:out") as exchange:
        if run.dry_run:
            return _count_doubtful(exchange, run, provider, work)
        doubtful = _interrupted(exchange, run, provider)
        if not doubtful:
            return work
        with exchange.registry.view() as tx:
            provider_is_held = tx.holds.of(provider.name) is not None
        with Reconnecting(exchange.channels.channel(provider)) as connection:
            out = Outbound(exchange, run, provider, connection, work)
            for batch in doubtful:
                _settle(out, batch, provider_is_held)
            if not provider_is_held:
                clear(out)
    return work


def _count_doubtful(exchange: Exchange, run: Run, provider: Provider, work: Work) -> Work:
    with exchange.registry.view() as tx:
        doubtful = tx.batches.in_states(provider.name, _IN_DOUBT, run.batch)
    if doubtful:
        work.done = len(doubtful)
        work.notes.append(f"dry run: {len(doubtful)} batches in doubt, nothing is settled")
    return work


def _interrupted(exchange: Exchange, run: Run, provider: Provider) -> list[Batch]:
    """Every batch in doubt. We hold the lease, so an attempt that did not end belongs to a process that died."""
    now = exchange.clock.now()
    with exchange.registry.transaction() as tx:
        for batch in tx.batches.in_states(provider.name, _IN_DOUBT, run.batch):
            died = tx.attempts.interrupt(batch.id, now)
            if batch.state is BatchState.SENDING:
                tx.batches.move(batch.id, BatchState.SENDING, BatchState.UNCERTAIN)
            if died or batch.state is BatchState.SENDING:
                tx.batches.add_evidence(batch.id, "interrupted", {"run": run.id}, now)
        return tx.batches.in_states(provider.name, (BatchState.UNCERTAIN,), run.batch)


def _settle(out: Outbound, batch: Batch, provider_is_held: bool) -> None:
    """Look at the partner's folder; settle the batch, send it again where that is the policy, or hold it.

    A restored registry does not know every attempt, so while its provider is held only that it was sent is proved.
    """
    work = out.work
    work.done += 1
    session = out.connection.session()
    with out.exchange.registry.view() as tx:
        attempts = tx.attempts.of_batch(batch.id)
    tokens = [item.token for item in attempts if item.unsettled]
    try:
        sight = session.look(out.parcel(batch), tokens)
    except MusterError as error:
        if not isinstance(error, Refused):
            out.connection.drop()
        _hold(out, batch, str(error))
        return
    found = judge(attempts, sight, out.exchange.clock.now(), out.provider.quiet)
    if found.verdict is Verdict.SENT and sight.delivery is not None:
        sent(out, batch, "listing", sight.delivery)
        work.count({"batches proved sent": 1})
        return
    if provider_is_held:
        _hold(out, batch, "its provider is held")
        return
    if found.disproved:
        _record_disproved(out, batch, found)
    if found.verdict is Verdict.NOT_SENT:
        work.count({"batches proved not sent": 1})
    elif found.verdict is Verdict.OPEN and out.provider.on_unknown_outcome is UnknownOutcomePolicy.RESEND:
        attempt(out, batch)
        work.count({"batches sent again": 1})
    else:
        _hold(out, batch, _why(found, sight))


def _record_disproved(out: Outbound, batch: Batch, found: Judgement) -> None:
    settled = found.verdict is Verdict.NOT_SENT
    tokens = ", ".join(item.token for item in found.disproved)
    after = BatchState.SEALED if settled else BatchState.UNCERTAIN
    ended = {item.id: AttemptOutcome.NOT_SENT for item in found.disproved}
    facts = {"temporary file left": tokens}
    kind = "not_sent" if settled else "attempt_failed"
    record(out, batch, Conclusion(BatchState.UNCERTAIN, after, kind, facts, ended))


def _why(found: Judgement, sight: Sight) -> str:
    if sight.final is Final.OTHER:
        return "another file lies under its name"
    if sight.final is Final.DOUBTFUL:
        return "a file of its size lies under its name, and could not be read back"
    if found.verdict is Verdict.HELD:
        return "its rename may still be under way"
    return "no proof yet"


def _hold(out: Outbound, batch: Batch, why: str) -> None:
    out.work.failed += 1
    out.work.count({"batches held": 1})
    out.work.notes.append(f"{batch.number}: {why}, held until the provider answers")


def device_enrolment_adaptor(exchange: Exchange, run: Run) -> Work:
    """Deliver every sealed batch, in sequence. Raises ProviderHeld, or the first trouble when it was every batch's."""
    provider = exchange.provider(run)
    work = Work("device_enrolment_adaptor")
    with exchange.lease(f"{provider.name}:out") as exchange:
        with exchange.registry.view() as tx:
            must_not_be_held(tx.holds, provider.name)
            sealed = tx.batches.in_states(provider.name, (BatchState.SEALED,), run.batch)
            sealed = [batch for batch in sealed if run.order in (None, *tx.batches.order_numbers(batch.id))]
        if run.dry_run:
            work.done = len(sealed)
            work.notes.append(f"dry run: {len(sealed)} sealed batches wait, nothing is sent")
        elif sealed:
            with Reconnecting(exchange.channels.channel(provider)) as connection:
                _send_all(Outbound(exchange, run, provider, connection, work), sealed)
    return work


def _send_all(out: Outbound, sealed: list[Batch]) -> None:
    troubles: list[MusterError] = []
    clear(out)
    for batch in sealed:
        error = attempt(out, batch)
        out.work.done += 1
        if error is None:
            out.work.count({"batches sent": 1, "lines sent": batch.record_count})
        elif isinstance(error, DeliveryUncertain):
            out.work.count({"batches uncertain": 1})
        elif not isinstance(error, Refused):
            troubles.append(error)
    clear(out)
    if len(troubles) == len(sealed):
        raise troubles[0]
