"""The audit trail: append-only, each row hashes the one before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select, text

from adapters.registry.tables import audit
from formats.generic.writer import moment

_FIRST = "0" * 64
_LOCK_KEY = 7_301_986  # any constant; one lock for the whole trail


class AuditTrail:
    """The append-only, hash-chained trail."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def append(
        self,
        *,
        actor: str,
        action: str,
        subject: str,
        now: datetime,
        reason: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> None:
        """Add one row. The number is given under the lock, or parallel writers would break the chain."""
        if self._db.dialect.name == "postgresql":
            self._db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        last, previous = self.head() or (0, _FIRST)
        row = {
            "number": last + 1,
            "at": now,
            "actor": actor,
            "action": action,
            "object": subject,
            "reason": reason,
            "facts": json.dumps(facts or {}, sort_keys=True, separators=(",", ":"), default=str),
            "previous_hash": previous,
        }
        self._db.execute(insert(audit).values(**row, hash=_hash(row)))

    def head(self) -> tuple[int, str] | None:
        """Number and hash of the newest row."""
        newest = self._db.execute(select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc()).limit(1)).first()
        return (newest.number, newest.hash) if newest else None

    def hash_of(self, number: int) -> str | None:
        """Hash of the row of that number, if there is one."""
        return self._db.execute(select(audit.c.hash).where(audit.c.number == number)).scalar_one_or_none()

    def breaks(self, anchored: Iterable[tuple[int, str]] = ()) -> list[int]:
        """Numbers of rows that were changed, or stand after a removed one. Empty: the chain holds.

        Each of `anchored` (number, hash) was the newest row once: it has to be there, unchanged.
        """
        known: dict[int, set[str]] = {}
        for anchor, digest in anchored:
            known.setdefault(anchor, set()).add(digest)
        broken: list[int] = []
        number, previous = 0, _FIRST
        for row in self._db.execute(select(audit).order_by(audit.c.number)):
            fields = dict(row._mapping)
            claimed = fields.pop("hash")
            chained = row.number == number + 1 and row.previous_hash == previous and _hash(fields) == claimed
            if not chained or not known.get(row.number, set()) <= {claimed}:
                broken.append(row.number)
            number, previous = row.number, claimed
        return broken + sorted(anchor for anchor in known if anchor > number)


def _hash(row: Mapping[str, object]) -> str:
    at = row["at"]
    shown = {**row, "at": moment(at) if isinstance(at, datetime) else at}
    return hashlib.sha256(json.dumps(shown, sort_keys=True, separators=(",", ":"), default=str).encode()).hexdigest()
