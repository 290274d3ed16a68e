"""Batches: sealed once, moved by compare-and-set, with evidence for every step outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, literal, select, update

from adapters.registry.covered import EVIDENCE, Added
from adapters.registry.tables import (
    batches,
    evidence,
    lines,
    order_lines,
    orders,
    provider_states,
    run_batches,
)
from jobs.batches import Batch
from jobs.errors import StateMoved
from jobs.states import BATCH_TRANSITIONS, BatchState, LineState


class Batches:
    """The ledger of batches."""

    def __init__(self, connection: Connection, added: list[Added]) -> None:
        self._db = connection
        self._added = added

    def next_sequence(self, provider: str) -> int:
        """Take the provider's next outbound sequence number; it is void if the transaction is."""
        if (
            self._db.execute(select(provider_states.c.provider).where(provider_states.c.provider == provider)).first()
            is None
        ):
            self._db.execute(insert(provider_states).values(provider=provider))
        taken = self._db.execute(
            update(provider_states)
            .where(provider_states.c.provider == provider)
            .values(out_sequence=provider_states.c.out_sequence + 1)
            .returning(provider_states.c.out_sequence)
        )
        return int(taken.scalar_one())

    def create(self, *, provider: str, sequence: int, number: str, file_name: str, run_id: str, now: datetime) -> int:
        """A batch in CREATING with nothing in it yet; returns its id."""
        created = self._db.execute(
            insert(batches).values(
                number=number,
                provider=provider,
                sequence=sequence,
                file_name=file_name,
                state=BatchState.CREATING,
                made_at=now,
                record_count=0,
                order_count=0,
                hash_total=0,
                detail_sha256="",
                plaintext_sha256="",
                archive_key="",
                run_id=run_id,
            )
        )
        (batch_id,) = created.inserted_primary_key or (0,)
        self.touch(run_id, batch_id)
        return int(batch_id)

    def move(self, batch_id: int, before: BatchState, after: BatchState, **values: Any) -> None:
        """One compare-and-set that must hit one row. Raises StateMoved."""
        if after not in BATCH_TRANSITIONS[before]:
            raise ValueError(f"no transition {before} → {after}")
        moved = self._db.execute(
            update(batches).where(batches.c.id == batch_id, batches.c.state == before).values(state=after, **values)
        )
        if moved.rowcount != 1:
            raise StateMoved(f"batch {batch_id} is not {before} any more", batch=batch_id, before=before, after=after)

    def mark_sent(self, batch_id: int) -> int:
        """The batch's lines go from SEALED to SENT; returns how many."""
        members = select(lines.c.order_line_id).where(lines.c.batch_id == batch_id, ~lines.c.released)
        moved = self._db.execute(
            update(order_lines)
            .where(order_lines.c.id.in_(members), order_lines.c.state == LineState.SEALED)
            .values(state=LineState.SENT)
        )
        return moved.rowcount

    def release_lines(self, batch_id: int) -> int:
        """The lines of a cancelled batch wait again; returns how many."""
        members = select(lines.c.order_line_id).where(lines.c.batch_id == batch_id, ~lines.c.released)
        moved = self._db.execute(
            update(order_lines)
            .where(order_lines.c.id.in_(members), order_lines.c.state == LineState.SEALED)
            .values(state=LineState.WAITING)
        )
        self._db.execute(update(lines).where(lines.c.batch_id == batch_id).values(released=True))
        return moved.rowcount

    def in_states(self, provider: str, states: Sequence[BatchState], number: str | None = None) -> list[Batch]:
        """The provider's batches in these states, oldest first."""
        statement = select(batches).where(batches.c.provider == provider, batches.c.state.in_(states))
        if number is not None:
            statement = statement.where(batches.c.number == number)
        return [_batch(row) for row in self._db.execute(statement.order_by(batches.c.sequence))]

    def find(self, number: str) -> Batch | None:
        """The batch of that number, if there is one."""
        row = self._db.execute(select(batches).where(batches.c.number == number)).first()
        return None if row is None else _batch(row)

    def by_id(self, batch_id: int) -> Batch:
        return _batch(self._db.execute(select(batches).where(batches.c.id == batch_id)).one())

    def line_ids(self, batch_id: int) -> list[int]:
        """Order lines of the batch in line order."""
        statement = select(lines.c.order_line_id).where(lines.c.batch_id == batch_id).order_by(lines.c.line_number)
        return list(self._db.execute(statement).scalars())

    def outcome_counts(self, batch_id: int) -> dict[str, int]:
        """How many lines of the batch are in which state."""
        statement = (
            select(order_lines.c.state, func.count())
            .join(lines, lines.c.order_line_id == order_lines.c.id)
            .where(lines.c.batch_id == batch_id, ~lines.c.released)
            .group_by(order_lines.c.state)
            .order_by(order_lines.c.state)
        )
        return {str(state): int(count) for state, count in self._db.execute(statement)}

    def order_numbers(self, batch_id: int) -> list[str]:
        statement = (
            select(orders.c.order_number)
            .join(order_lines, order_lines.c.order_id == orders.c.id)
            .join(lines, lines.c.order_line_id == order_lines.c.id)
            .where(lines.c.batch_id == batch_id)
            .distinct()
        )
        return sorted(self._db.execute(statement).scalars())

    def add_evidence(self, batch_id: int, kind: str, facts: Mapping[str, object], now: datetime) -> None:
        made = self._db.execute(insert(evidence).values(batch_id=batch_id, kind=kind, facts=dict(facts), at=now))
        (key,) = made.inserted_primary_key or (0,)
        self._added.append(Added(EVIDENCE, key, now))

    def evidence_of(self, batch_id: int) -> list[dict[str, Any]]:
        statement = select(evidence.c.kind, evidence.c.facts, evidence.c.at).where(evidence.c.batch_id == batch_id)
        return [dict(row._mapping) for row in self._db.execute(statement.order_by(evidence.c.id))]

    def touch(self, run_id: str, batch_id: int) -> None:
        """Show the batch in the run's report."""
        seen = select(run_batches.c.run_id).where(run_batches.c.run_id == run_id, run_batches.c.batch_id == batch_id)
        if self._db.execute(seen).first() is None:
            self._db.execute(
                insert(run_batches).from_select(["run_id", "batch_id"], select(literal(run_id), literal(batch_id)))
            )

    def made_by(self, run_id: str) -> list[Batch]:
        """Batches this run sealed."""
        statement = select(batches).where(batches.c.run_id == run_id).order_by(batches.c.provider, batches.c.sequence)
        return [_batch(row) for row in self._db.execute(statement)]

    def of_run(self, run_id: str) -> list[Batch]:
        statement = (
            select(batches)
            .join(run_batches, run_batches.c.batch_id == batches.c.id)
            .where(run_batches.c.run_id == run_id)
            .order_by(batches.c.provider, batches.c.sequence)
        )
        return [_batch(row) for row in self._db.execute(statement)]


def _batch(row: Row[Any]) -> Batch:
    fields = dict(row._mapping)
    fields.pop("run_id")
    return Batch(**fields | {"state": BatchState(fields["state"])})
