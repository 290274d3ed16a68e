"""What somebody does who owns the database: takes the guards of the audit trail away, and changes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit'::regclass AND NOT tgisinternal",
}


@contextmanager
def tampering(engine: Engine) -> Iterator[Connection]:
    """A transaction in which the audit table is a table like any other."""
    dialect = engine.dialect.name
    with engine.begin() as connection:
        for name in connection.execute(text(_TRIGGERS[dialect])).scalars().all():
            connection.execute(text(f"DROP TRIGGER {name}" + (" ON audit" if dialect == "postgresql" else "")))
        yield connection
