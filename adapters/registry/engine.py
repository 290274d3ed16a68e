"""Engines. SQLite writers take the write lock at BEGIN, so that no transaction fails half-way."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url

_READ_ONLY = "postgresql_readonly"

_BUSY_MS = 60_000
_WAL_TRIES = 200
_WAL_PAUSE = 0.05  # seconds
_PRAGMAS = (
    "PRAGMA synchronous=FULL",  # what is committed before the first byte leaves must survive power loss
    "PRAGMA foreign_keys=ON",
    f"PRAGMA busy_timeout={_BUSY_MS}",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-200000",
)


def _use_wal(dbapi_connection: Any) -> None:
    """Processes that open a new file together get in each other's way here, and SQLite does not wait by itself."""
    for _ in range(_WAL_TRIES):
        with suppress(sqlite3.OperationalError):
            dbapi_connection.execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(_WAL_PAUSE)
    dbapi_connection.execute("PRAGMA journal_mode=WAL")


def make_engine(url: str) -> Engine:
    """An engine for `sqlite:///…` or `postgresql+psycopg://…`."""
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_MS / 1000}, hide_parameters=True)

    @event.listens_for(engine, "do_connect")
    def _close_to_others(_dialect: Any, _record: Any, _arguments: Any, _named: Any) -> None:
        make_private(make_url(url).database)

    @event.listens_for(engine, "connect")
    def _configure(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        _use_wal(dbapi_connection)
        for pragma in _PRAGMAS:
            dbapi_connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(_READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def make_private(database: str | None) -> None:
    """Make the file of a database ours alone (0600), or create it so; SQLite gives its WAL the same rights.

    Files of somebody else stay as they are: `muster doctor` names them.
    """
    if not database or database == ":memory:":
        return
    for path in (Path(database), Path(f"{database}-wal"), Path(f"{database}-shm")):
        with suppress(FileNotFoundError, PermissionError):
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)
    # Only a file that is new: to close one that is open elsewhere here would drop the locks SQLite holds on it.
    with suppress(OSError):  # the connection itself says what is wrong
        os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def for_reading(engine: Engine) -> Engine:
    """The same database for transactions that only read: each sees one snapshot and waits for no writer.

    Under READ COMMITTED every statement would see a database of its own. SQLite's BEGIN gives a snapshot anyway.
    """
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_READ_ONLY: True})
    return engine.execution_options(**{_READ_ONLY: True}, isolation_level="REPEATABLE READ")
