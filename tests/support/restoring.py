"""A registry that is put back to what it was when it was backed up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete

from adapters.registry.schema import metadata
from tests.support.desk import Desk
from tests.support.ledger import dump
from tests.support.tampering import tampering

Backup = dict[str, list[tuple[Any, ...]]]


def back_up(desk: Desk) -> Backup:
    with desk.engine.connect() as connection:
        return dump(connection)


def restore(desk: Desk, backup: Backup) -> None:
    with tampering(desk.engine) as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
        for table in metadata.sorted_tables:
            if rows := backup[table.name]:
                connection.execute(table.insert(), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])
