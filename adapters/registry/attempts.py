"""Attempts to deliver batches: recorded before their first byte leaves."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, exists, func, insert, literal, or_, select, update

from adapters.registry.attempt_tables import attempts
from adapters.registry.tables import batches
from adapters.registry.types import Moment
from jobs.attempts import Attempt, AttemptOutcome

_UNSETTLED = or_(attempts.c.outcome.is_(None), attempts.c.outcome == AttemptOutcome.UNKNOWN)
_TOKEN_BYTES = 4
_FACTS = ("id", "batch_id", "token", "started_at", "asked_at", "ended_at", "outcome")


class Attempts:
    """The ledger of attempts."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def begin(self, batch_id: int, run_id: str, now: datetime) -> Attempt:
        """A new attempt, with a token that no other has; by chance, since a restored registry counts again."""
        token = secrets.token_hex(_TOKEN_BYTES)
        created = self._db.execute(
            insert(attempts).values(batch_id=batch_id, run_id=run_id, token=token, started_at=now)
        )
        (attempt_id,) = created.inserted_primary_key or (0,)
        return Attempt(int(attempt_id), batch_id, token, now, None, None, None)

    def ask(self, attempt_id: int, now: datetime) -> None:
        """Its rename is about to be asked for."""
        self._set(attempt_id, asked_at=now)

    def end(self, attempt_id: int, outcome: AttemptOutcome, now: datetime) -> None:
        ended = func.coalesce(attempts.c.ended_at, literal(now, Moment))
        self._set(attempt_id, outcome=outcome, ended_at=ended)

    def interrupt(self, batch_id: int, now: datetime) -> int:
        """End the attempts of processes that died, outcome unknown; returns how many."""
        dead = (attempts.c.batch_id == batch_id) & attempts.c.ended_at.is_(None)
        values = {"ended_at": now, "outcome": AttemptOutcome.UNKNOWN}
        return self._db.execute(update(attempts).where(dead).values(values)).rowcount

    def prove_sent(self, batch_id: int, now: datetime) -> None:
        """The batch was proved sent: no attempt of it is unsettled any more."""
        ended = func.coalesce(attempts.c.ended_at, literal(now, Moment))
        chosen = (attempts.c.batch_id == batch_id) & _UNSETTLED
        self._db.execute(update(attempts).where(chosen).values(outcome=AttemptOutcome.SENT, ended_at=ended))

    def of_batch(self, batch_id: int) -> list[Attempt]:
        """Oldest first."""
        statement = select(*(attempts.c[name] for name in _FACTS)).where(attempts.c.batch_id == batch_id)
        return [_attempt(row._mapping) for row in self._db.execute(statement.order_by(attempts.c.id))]

    def leftovers(self, provider: str) -> list[tuple[Attempt, str]]:
        """Attempts whose temporary file may lie there, of batches without an unsettled one; with the file name."""
        other = attempts.alias()
        unsettled = or_(other.c.outcome.is_(None), other.c.outcome == AttemptOutcome.UNKNOWN)
        statement = (
            select(*(attempts.c[name] for name in _FACTS), batches.c.file_name)
            .join(batches, batches.c.id == attempts.c.batch_id)
            .where(
                batches.c.provider == provider,
                ~attempts.c.cleared,
                ~exists().where(other.c.batch_id == attempts.c.batch_id, unsettled),
            )
            .order_by(attempts.c.id)
        )
        return [(_attempt(row._mapping), str(row.file_name)) for row in self._db.execute(statement)]

    def clear(self, attempt_id: int) -> None:
        """Its temporary file is gone, or not ours to remove."""
        self._set(attempt_id, cleared=True)

    def _set(self, attempt_id: int, **values: Any) -> None:
        self._db.execute(update(attempts).where(attempts.c.id == attempt_id).values(values))


def _attempt(row: RowMapping) -> Attempt:
    facts = {name: row[name] for name in _FACTS}
    outcome = facts["outcome"]
    return Attempt(**facts | {"outcome": None if outcome is None else AttemptOutcome(outcome)})
