"""Leases: one run at a time works on a provider's direction. A dead owner's lease is taken over."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from adapters.registry.tables import leases
from jobs.errors import ProviderBusy


class Leases:
    """Who works on what."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def take(self, name: str, owner: str, now: datetime, term: timedelta, dead: bool) -> None:
        """Take or renew the lease. `dead`: the present owner is known to have died. Raises ProviderBusy."""
        held = self._db.execute(select(leases.c.owner).where(leases.c.name == name)).first()
        if held is None:
            try:
                self._db.execute(insert(leases).values(name=name, owner=owner, until=now + term))
            except IntegrityError:  # PostgreSQL: somebody took it since we looked
                raise ProviderBusy(f"{name} is worked on by another run", lease=name) from None
            return
        free = or_(leases.c.owner.is_(None), leases.c.owner == owner, leases.c.until < now)
        statement = update(leases).where(leases.c.name == name, leases.c.owner == held.owner if dead else free)
        if self._db.execute(statement.values(owner=owner, until=now + term)).rowcount != 1:
            raise ProviderBusy(f"{name} is worked on by another run", lease=name)

    def renew(self, name: str, owner: str, now: datetime, term: timedelta) -> None:
        """The row stays locked until the transaction ends. Raises ProviderBusy if the lease is another's."""
        ours = update(leases).where(leases.c.name == name, leases.c.owner == owner)
        if self._db.execute(ours.values(until=now + term)).rowcount != 1:
            raise ProviderBusy(f"{name} was taken over by another run", lease=name)

    def owner_of(self, name: str) -> str | None:
        return self._db.execute(select(leases.c.owner).where(leases.c.name == name)).scalar_one_or_none()

    def release(self, name: str, owner: str) -> None:
        self._db.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))
