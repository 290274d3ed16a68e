"""Providers that are held, and what of theirs was not sent as far as the registry knows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select

from adapters.registry.hold_tables import provider_holds
from adapters.registry.tables import batches, devices, lines, order_lines, orders
from formats.identifiers import IDENTIFIER_COLUMNS
from jobs.holds import Hold, UnsentLine
from jobs.states import BatchState, LineState


class Holds:
    """See `jobs.holds.Holds`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def place(self, hold: Hold) -> None:
        """Hold the provider; one that is held already goes on being held, with what was found both times."""
        known = self.of(hold.provider)
        ranges = [item.skipped for item in (known, hold) if item is not None and item.skipped is not None]
        found = {*hold.found, *(known.found if known else ())}
        self.lift(hold.provider)
        self._db.execute(
            insert(provider_holds).values(
                provider=hold.provider,
                since=known.since if known else hold.since,
                reason=hold.reason,
                by=hold.by,
                first_skipped=min((first for first, _ in ranges), default=None),
                last_skipped=max((last for _, last in ranges), default=None),
                found=sorted(found),
            )
        )

    def of(self, provider: str) -> Hold | None:
        row = self._db.execute(select(provider_holds).where(provider_holds.c.provider == provider)).first()
        return None if row is None else _hold(row)

    def all(self) -> list[Hold]:
        """By provider."""
        return [_hold(row) for row in self._db.execute(select(provider_holds).order_by(provider_holds.c.provider))]

    def lift(self, provider: str) -> None:
        self._db.execute(delete(provider_holds).where(provider_holds.c.provider == provider))

    def unsent(self, provider: str) -> list[UnsentLine]:
        """Every line of the provider that waits or lies in a sealed batch, by order and line."""
        in_sealed = and_(order_lines.c.state == LineState.SEALED, batches.c.state == BatchState.SEALED)
        identifiers = [devices.c[name] for name in IDENTIFIER_COLUMNS]
        statement = (
            select(order_lines.c.id, orders.c.id, orders.c.order_number, orders.c.request_type, batches.c.number)
            .add_columns(*identifiers)
            .select_from(
                order_lines.join(orders, orders.c.id == order_lines.c.order_id)
                .join(devices, devices.c.id == order_lines.c.device_id)
                .outerjoin(lines, and_(lines.c.order_line_id == order_lines.c.id, ~lines.c.released))
                .outerjoin(batches, batches.c.id == lines.c.batch_id)
            )
            .where(orders.c.provider == provider, or_(order_lines.c.state == LineState.WAITING, in_sealed))
            .order_by(orders.c.id, order_lines.c.id)
        )
        return [
            UnsentLine(line, order, number, request_type, tuple(filter(None, given)), batch)
            for line, order, number, request_type, batch, *given in self._db.execute(statement)
        ]

    def order_numbers(self, provider: str) -> set[str]:
        """Of every order of the provider."""
        return set(self._db.execute(select(orders.c.order_number).where(orders.c.provider == provider)).scalars())


def _hold(row: Row[Any]) -> Hold:
    skipped = None if row.first_skipped is None else (row.first_skipped, row.last_skipped)
    return Hold(row.provider, row.since, row.reason, row.by, skipped, tuple(row.found))
