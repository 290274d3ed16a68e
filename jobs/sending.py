"""One attempt to deliver one batch, and the books about it.

The attempt is committed before the first byte leaves, and that its rename is asked for before that. What goes wrong
with one batch is noted, and the next one gets a session that works.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from jobs.attempts import Attempt, AttemptOutcome
from jobs.batches import Batch
from jobs.context import Exchange
from jobs.errors import (
    ArchiveDamaged,
    DeliveryUncertain,
    MusterError,
    NameTaken,
    NotFound,
    Refused,
    RemotePathRefused,
)
from jobs.ports import Channel, Delivery, Final, Parcel, Session
from jobs.providers import Provider
from jobs.runs import Run
from jobs.states import BatchState
from jobs.work import Work


class Reconnecting:
    """One session for many batches, opened when it is wanted, and anew after it was dropped."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._held = ExitStack()
        self._session: Session | None = None

    def __enter__(self) -> Reconnecting:
        return self

    def __exit__(self, *error: object) -> None:
        self.drop()

    def session(self) -> Session:
        """Raises what `jobs.ports.Channel.open` does."""
        if self._session is None:
            self._session = self._held.enter_context(self._channel.open())
        return self._session

    def drop(self) -> None:
        """After trouble: the connection may be broken."""
        self._session = None
        self._held.close()


@dataclass(frozen=True)
class Outbound:
    """One provider's way out in one run, which holds its lease."""

    exchange: Exchange
    run: Run
    provider: Provider
    connection: Reconnecting
    work: Work

    def parcel(self, batch: Batch, token: str = "") -> Parcel:
        """Raises ArchiveDamaged when the archive has lost the batch."""
        try:
            source = self.exchange.archive.path(batch.archive_key)
        except NotFound as error:
            raise ArchiveDamaged(f"the archive has lost {batch.file_name}", key=batch.archive_key) from error
        folder = self.provider.folders.outbound
        return Parcel(source, batch.archive_key, folder, batch.file_name, token, self.provider.read_back)


@dataclass(frozen=True)
class Conclusion:
    """What became known of a batch: where it goes, and the evidence."""

    before: BatchState
    after: BatchState
    kind: str
    facts: Mapping[str, object]
    ended: Mapping[int, AttemptOutcome]  # attempts that this settles, or leaves in doubt


def attempt(out: Outbound, batch: Batch) -> MusterError | None:
    """Try to deliver a batch that is SEALED or, once more, UNCERTAIN; returns what went wrong.

    Raises what opening a session does, or the registry; then nothing was tried, or the next run finds out.
    """
    session = out.connection.session()
    begun, earlier = _commit_intent(out, batch)
    again = batch.state is BatchState.UNCERTAIN
    before = BatchState.UNCERTAIN if again else BatchState.SENDING
    try:
        delivery = _delivered(out, session, batch, begun, earlier)
    except MusterError as error:
        if not isinstance(error, Refused):
            out.connection.drop()
        _failed(out, batch, begun, before, error)
        return error
    _sent(out, batch, before, "resend" if again else "delivery", delivery)
    with out.exchange.registry.transaction() as tx:
        tx.attempts.clear(begun.id)
    return None


def _commit_intent(out: Outbound, batch: Batch) -> tuple[Attempt, list[Attempt]]:
    """The new attempt, and those before it."""
    exchange, run = out.exchange, out.run
    now = exchange.clock.now()
    with exchange.registry.transaction() as tx:
        if batch.state is BatchState.SEALED:
            tx.batches.move(batch.id, BatchState.SEALED, BatchState.SENDING)
        earlier = tx.attempts.of_batch(batch.id)
        begun = tx.attempts.begin(batch.id, run.id, now)
        tx.batches.touch(run.id, batch.id)
        tx.audit.append(
            actor=run.actor,
            action="batch sending",
            subject=f"batch {batch.number}",
            now=now,
            facts={"run": run.id, "file": batch.file_name, "sha256": batch.archive_key, "attempt": begun.token},
        )
    return begun, earlier


def _delivered(out: Outbound, session: Session, batch: Batch, begun: Attempt, earlier: list[Attempt]) -> Delivery:
    parcel = out.parcel(batch, begun.token)
    out.exchange.intend(out.provider.name, batch.sequence, out.run)
    try:
        return session.deliver(parcel, lambda: _commit_asking(out, begun))
    except NameTaken as taken:
        if not any(item.asked_at for item in earlier):
            raise
        # it may be the file of an earlier attempt, however sure we were that it would not come
        return _earlier_file(session, parcel, taken)


def _commit_asking(out: Outbound, begun: Attempt) -> None:
    """Raises ProviderBusy if the lease was lost: a run that was frozen renames nothing."""
    with out.exchange.registry.transaction() as tx:
        tx.attempts.ask(begun.id, out.exchange.clock.now())


def _earlier_file(session: Session, parcel: Parcel, taken: NameTaken) -> Delivery:
    try:
        sight = session.look(parcel, ())
    except MusterError as error:
        raise DeliveryUncertain(f"{taken.what}, and it cannot be looked at: {error.what}") from taken
    if sight.final is Final.OURS and sight.delivery is not None:
        return sight.delivery
    if sight.final is Final.OTHER:
        raise taken
    raise DeliveryUncertain(f"{taken.what}, and may be what an earlier attempt sent") from taken


def _failed(out: Outbound, batch: Batch, begun: Attempt, before: BatchState, error: MusterError) -> None:
    doubt = isinstance(error, DeliveryUncertain)
    again = before is BatchState.UNCERTAIN
    after = BatchState.UNCERTAIN if doubt or again else BatchState.SEALED
    outcome = AttemptOutcome.UNKNOWN if doubt else AttemptOutcome.NOT_SENT
    kind = "uncertain" if after is BatchState.UNCERTAIN else "not_sent"
    facts = {"code": error.code, "what": error.what, "attempt": begun.token}
    record(out, batch, Conclusion(before, after, kind, facts, {begun.id: outcome}))
    out.work.failed += 1
    out.work.notes.append(f"{batch.number}: {error.what if doubt else error}")


def sent(out: Outbound, batch: Batch, kind: str, delivery: Delivery) -> None:
    """The batch is proved sent, and no attempt of it is in doubt any more."""
    _sent(out, batch, batch.state, kind, delivery)


def _sent(out: Outbound, batch: Batch, before: BatchState, kind: str, delivery: Delivery) -> None:
    facts = asdict(delivery) | {"sha256": batch.archive_key}
    record(out, batch, Conclusion(before, BatchState.SENT, kind, facts, {}))


def record(out: Outbound, batch: Batch, found: Conclusion) -> None:
    """Write down what became known, in one transaction."""
    exchange, run = out.exchange, out.run
    now = exchange.clock.now()
    proved = found.after is BatchState.SENT
    with exchange.registry.transaction() as tx:
        if proved:
            tx.batches.move(batch.id, found.before, found.after, sent_at=now)
            tx.batches.mark_sent(batch.id)
            tx.attempts.prove_sent(batch.id, now)
        elif found.after is not found.before:
            tx.batches.move(batch.id, found.before, found.after)
        for attempt_id, outcome in found.ended.items():
            tx.attempts.end(attempt_id, outcome, now)
        tx.batches.touch(run.id, batch.id)
        tx.batches.add_evidence(batch.id, found.kind, {**found.facts, "run": run.id}, now)
        tx.audit.append(
            actor=run.actor,
            action="batch sent" if proved else f"batch {found.kind.replace('_', ' ')}",
            subject=f"batch {batch.number}",
            now=now,
            facts={"run": run.id, "proof": found.kind} if proved else {"run": run.id},
        )


def clear(out: Outbound) -> None:
    """Remove temporary files that settled attempts left: then nothing can rename them any more."""
    with out.exchange.registry.view() as tx:
        leftovers = tx.attempts.leftovers(out.provider.name)
    for left, file_name in leftovers:
        try:
            out.connection.session().discard(out.provider.folders.outbound, file_name, left.token)
        except RemotePathRefused:
            pass  # not ours to remove there; asking again would change nothing
        except MusterError as error:
            out.connection.drop()
            out.work.notes.append(f"a temporary file of {file_name} is left: {error.what}")
            return
        with out.exchange.registry.transaction() as tx:
            tx.attempts.clear(left.id)
