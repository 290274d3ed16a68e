"""Records beside the audit trail that its hash chain covers: evidence, and what answers said of each line.

Whoever adds such records has their digest written into the trail, by the transaction that adds them. What was changed,
removed or put in afterwards has no entry that agrees with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Column, Connection, Table, select

from adapters.registry.audit import AuditTrail
from adapters.registry.tables import audit, evidence, line_decisions, outcomes
from formats.generic.writer import moment

_ACTOR = "muster"


@dataclass(frozen=True)
class Covered:
    """Records of one table that are added together: those with one `key`. `columns` tell what they say, in an order."""

    table: Table
    key: Column[Any]
    columns: tuple[Column[Any], ...]

    @property
    def action(self) -> str:
        return f"{self.table.name} kept"

    def digests(self, connection: Connection, key: int | None = None) -> Iterator[tuple[int, str]]:
        """Key and digest of everything there is, or of what has this key."""
        statement = select(self.key.label("covered_key"), *self.columns).order_by(self.key, *self.columns[:1])
        if key is not None:
            statement = statement.where(self.key == key)
        for found, rows in groupby(connection.execute(statement), key=lambda row: int(row.covered_key)):
            yield found, _digest([row[1:] for row in rows])


EVIDENCE = Covered(evidence, evidence.c.id, (evidence.c.batch_id, evidence.c.kind, evidence.c.facts, evidence.c.at))
OUTCOMES = Covered(
    outcomes,
    outcomes.c.file_id,
    tuple(
        outcomes.c[name]
        for name in ("order_line_id", "level", "outcome", "line_state", "applied", "provider_code", "message")
    ),
)


@dataclass(frozen=True)
class Added:
    """Records that a transaction has added: which, and when."""

    covered: Covered
    key: int
    now: datetime


def cover(connection: Connection, added: Sequence[Added]) -> None:
    """Write the digests into the trail.

    At the end of the transaction: the trail is locked from its first entry on, and who holds that lock may wait for
    no row that another transaction has changed.
    """
    for item in added:
        for key, digest in item.covered.digests(connection, item.key):
            AuditTrail(connection).append(
                actor=_ACTOR,
                action=item.covered.action,
                subject=f"{item.covered.table.name} {key}",
                now=item.now,
                facts={"key": key, "sha256": digest},
            )


def compare(connection: Connection, covered: Covered) -> Mapping[int, bool]:
    """For each key on record or in the trail: whether both say the same."""
    entries: dict[int, str] = {}
    for row in connection.execute(select(audit.c.facts).where(audit.c.action == covered.action)):
        facts = json.loads(row.facts)
        entries[facts["key"]] = facts["sha256"]
    found = dict(covered.digests(connection))
    return {key: found.get(key) == entries.get(key) for key in sorted({*found, *entries})}


def altered(connection: Connection) -> list[str]:
    """Records that are not as the trail has them, such as `evidence 12`."""
    if not connection.dialect.has_table(connection, line_decisions.name):
        return []  # a schema of before there was cover: the next command writes it
    return [
        f"{covered.table.name} {key}"
        for covered in (EVIDENCE, OUTCOMES)
        for key, agrees in compare(connection, covered).items()
        if not agrees
    ]


def _digest(rows: Sequence[Sequence[Any]]) -> str:
    """Of canonical JSON: each value as a value, times as text."""
    shown = [[moment(value) if isinstance(value, datetime) else value for value in row] for row in rows]
    return hashlib.sha256(json.dumps(shown, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
