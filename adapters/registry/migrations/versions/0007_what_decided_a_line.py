"""What decided a line that no outcome decided, and evidence and outcomes that the audit trail covers"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from adapters.registry.types import Key

revision = "0007"
down_revision = "0006"

_STATES = (
    *("WAITING", "NOT_REQUESTED", "SEALED", "SENT", "ENROLLED"),
    *("UNENROLLED", "UNCHANGED", "REJECTED", "REVIEW", "CANCELLED"),
)
_DECIDED = (
    "INSERT INTO line_decisions (order_line_id, state, reason) SELECT l.id, l.state, l.reason FROM order_lines l "
    "LEFT JOIN outcomes o ON o.order_line_id = l.id AND o.applied "
    "WHERE l.state NOT IN ('WAITING', 'SEALED', 'SENT') AND (o.line_state IS NULL OR o.line_state <> l.state) "
    "ORDER BY l.id"
)
_RECORDS = {
    "evidence": "SELECT id, batch_id, kind, facts, at FROM evidence ORDER BY id",
    "outcomes": "SELECT file_id, order_line_id, level, outcome, line_state, applied, provider_code, message "
    "FROM outcomes ORDER BY file_id, order_line_id",
}
_APPEND = sa.text(
    "INSERT INTO audit (number, at, actor, action, object, reason, facts, previous_hash, hash) "
    "VALUES (:number, :at, :actor, :action, :object, :reason, :facts, :previous_hash, :hash)"
)


def upgrade() -> None:
    listed = ", ".join(f"'{state}'" for state in _STATES)
    op.create_table(
        "line_decisions",
        sa.Column("id", Key, nullable=False),
        sa.Column("order_line_id", Key, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(100)),
        sa.CheckConstraint(f"state IN ({listed})", name=op.f("ck_line_decisions_state")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_line_decisions_order_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_decisions")),
    )
    op.create_index(op.f("ix_line_decisions_order_line_id"), "line_decisions", ["order_line_id"])
    op.execute(_DECIDED)
    connection = op.get_bind()
    for table, key, digest in [*_digests(connection)]:
        _append(connection, table, key, digest)


def _digests(connection: sa.Connection) -> Iterator[tuple[str, int, str]]:
    """Digests as `adapters.registry.covered` makes them, so that later changes of what is there now are found."""
    for table, statement in _RECORDS.items():
        for key, rows in groupby(connection.execute(sa.text(statement)), key=lambda row: row[0]):
            yield table, key, _sha256([_shown(table, row[1:]) for row in rows])


def _shown(table: str, row: Sequence[Any]) -> list[Any]:
    if table == "evidence":
        batch_id, kind, facts, at = row
        return [batch_id, kind, json.loads(facts) if isinstance(facts, str) else facts, _text(at)]
    shown = list(row)
    shown[4] = bool(shown[4])
    return shown


def _text(at: Any) -> str:
    """SQLite keeps times as text."""
    return at if isinstance(at, str) else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _append(connection: sa.Connection, table: str, key: int, digest: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    last = connection.execute(sa.text("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")).first()
    row = {
        "number": last[0] + 1 if last else 1,
        "at": _text(now),
        "actor": "muster",
        "action": f"{table} kept",
        "object": f"{table} {key}",
        "reason": "found when the registry was brought up to date",
        "facts": _json({"key": key, "sha256": digest}),
        "previous_hash": last[1] if last else "0" * 64,
    }
    at = _text(now) if connection.dialect.name == "sqlite" else now
    connection.execute(_APPEND, {**row, "at": at, "hash": _sha256(row)})


def _sha256(value: Any) -> str:
    return hashlib.sha256(_json(value).encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
