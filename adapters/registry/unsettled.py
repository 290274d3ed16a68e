"""Files that have not settled where they lie: remembered from look to look."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from adapters.registry.arrival_tables import unsettled_files
from jobs.files import Unsettled


class UnsettledFiles:
    """See `jobs.registry.UnsettledFiles`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def of(self, scope: str) -> dict[str, Unsettled]:
        """What the last look of that scope left, by place."""
        found = self._db.execute(select(unsettled_files).where(unsettled_files.c.scope == scope))
        return {row.place: Unsettled(row.size, row.since, row.size_since) for row in found}

    def keep(self, scope: str, waiting: Mapping[str, Unsettled]) -> None:
        """Remember these, and forget what else the scope had."""
        self._db.execute(delete(unsettled_files).where(unsettled_files.c.scope == scope))
        if waiting:
            rows = [
                {"scope": scope, "place": place, "size": item.size, "since": item.since, "size_since": item.size_since}
                for place, item in waiting.items()
            ]
            self._db.execute(insert(unsettled_files), rows)
