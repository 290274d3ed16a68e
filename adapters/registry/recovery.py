"""A restored registry: which numbers it has, and those it must not use again."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, update

from adapters.registry.tables import batches, files, provider_states


class Recovery:
    """What a registry restored from a backup is told of what it has forgotten."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def sequence(self, provider: str) -> int:
        """The highest sequence number the provider's batches have here."""
        statement = select(provider_states.c.out_sequence).where(provider_states.c.provider == provider)
        taken = self._db.execute(statement).scalar_one_or_none() or 0
        newest = select(func.coalesce(func.max(batches.c.sequence), 0)).where(batches.c.provider == provider)
        return max(taken, int(self._db.execute(newest).scalar_one()))

    def skip(self, provider: str, sequence: int) -> None:
        """The next number is above `sequence`."""
        moved = self._db.execute(
            update(provider_states).where(provider_states.c.provider == provider).values(out_sequence=sequence)
        )
        if moved.rowcount == 0:
            self._db.execute(insert(provider_states).values(provider=provider, out_sequence=sequence))

    def known_files(self) -> set[str]:
        """Digests of every file on record, in and out."""
        found = set(self._db.execute(select(files.c.sha256)).scalars())
        return found | set(self._db.execute(select(batches.c.archive_key)).scalars())
