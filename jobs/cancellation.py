"""Cancels a sealed batch before it is sent: its lines wait again, its sequence number is void."""

from __future__ import annotations

from jobs.context import Exchange
from jobs.errors import NotFound, StateMoved
from jobs.holds import must_not_be_held
from jobs.states import BatchState


def cancel_batch(exchange: Exchange, number: str, actor: str, reason: str) -> int:
    """Returns how many lines wait again. Raises NotFound, ProviderHeld, or StateMoved once sending has begun."""
    with exchange.registry.transaction() as tx:
        batch = tx.batches.find(number)
        if batch is None:
            raise NotFound(f"there is no batch {number!r}")
        must_not_be_held(tx.holds, batch.provider)
        if batch.state is not BatchState.SEALED:
            raise StateMoved(
                f"batch {number} is {batch.state}: only a sealed batch can be cancelled, later send a return or a void",
                batch=number,
            )
        if any(attempt.unsettled for attempt in tx.attempts.of_batch(batch.id)):
            raise StateMoved(f"batch {number} may have been sent: an attempt is unsettled", batch=number)
        tx.batches.move(batch.id, BatchState.SEALED, BatchState.CANCELLED)
        released = tx.batches.release_lines(batch.id)
        tx.audit.append(
            actor=actor,
            action="batch cancelled",
            subject=f"batch {number}",
            now=exchange.clock.now(),
            reason=reason,
            facts={"lines": released, "sequence": batch.sequence},
        )
    return released
