"""What a database says when it cannot serve, as an error of its group, without the statement and its values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from jobs.causes import printable
from jobs.errors import DiskFull, MusterError, RegistryAway, RegistryBusy, RegistryRefused, StorageFailed

_Group = type[MusterError]
_Meaning = tuple[_Group, str]
_LOCKED: _Meaning = (RegistryBusy, "the registry is locked by another process, and did not become free in time")
_FULL: _Meaning = (DiskFull, "disk full at the registry")
_LOST: _Meaning = (RegistryAway, "the registry ended the connection: it was restarted, or the network broke")
_DAMAGED: _Meaning = (RegistryRefused, "the registry is damaged, or no database")
_SCHEMA: _Meaning = (RegistryRefused, "the registry has another schema")
_RIGHTS: _Meaning = (RegistryRefused, "the registry does not let us in")

_SQLITE: tuple[tuple[str, _Meaning], ...] = (  # beginnings of SQLite's own names
    ("SQLITE_BUSY", _LOCKED),
    ("SQLITE_LOCKED", _LOCKED),
    ("SQLITE_PROTOCOL", _LOCKED),
    ("SQLITE_FULL", _FULL),
    ("SQLITE_IOERR", (StorageFailed, "the disk of the registry reports an error")),
    ("SQLITE_READONLY", (StorageFailed, "the registry is read-only")),
    ("SQLITE_NOMEM", (StorageFailed, "memory ran out at the registry")),
    ("SQLITE_CANTOPEN", (RegistryAway, "the registry's file cannot be opened")),
    ("SQLITE_CORRUPT", _DAMAGED),
    ("SQLITE_NOTADB", _DAMAGED),
    ("SQLITE_ERROR", _SCHEMA),
)
_POSTGRESQL: tuple[tuple[str, _Meaning], ...] = (  # beginnings of SQLSTATE, the longer ones first
    ("57P01", (RegistryAway, "the registry was stopped or restarted")),
    ("57P02", (RegistryAway, "the registry was stopped by a fault of its own")),
    ("57P03", (RegistryAway, "the registry is starting or stopping")),
    ("53100", _FULL),
    ("53200", (RegistryAway, "memory ran out at the registry")),
    ("53", (RegistryBusy, "the registry has too many connections")),
    ("55P03", _LOCKED),
    ("57014", (RegistryBusy, "the registry ended a statement that took too long")),
    ("40", (RegistryBusy, "another process works on the same rows of the registry")),
    ("25006", (RegistryAway, "the registry is read-only now")),
    ("58", (StorageFailed, "the disk of the registry reports an error")),
    ("08", _LOST),
    ("28", _RIGHTS),
    ("3D", _RIGHTS),
    ("42501", _RIGHTS),
    ("42", _SCHEMA),
    ("XX00", _DAMAGED),
)
_SAID: tuple[tuple[str, _Meaning], ...] = (  # libpq gives no SQLSTATE while it connects
    ("authentication failed", _RIGHTS),
    ("no password supplied", _RIGHTS),
    ("no pg_hba.conf entry", _RIGHTS),
    ('" does not exist', _RIGHTS),
    ("too many", (RegistryBusy, "the registry has too many connections")),
    ("database system is", (RegistryAway, "the registry is starting or stopping")),
    ("closed the connection", _LOST),
    ("connection is lost", _LOST),
    ("connection is closed", _LOST),
    ("terminating connection", _LOST),
)
_AWAY: _Meaning = (RegistryAway, "the registry does not answer")


@contextmanager
def answering() -> Iterator[None]:
    """The registry is asked in this block. What it says of our own rows, such as a broken unique index, passes."""
    try:
        yield
    except IntegrityError:
        raise
    except CommandError:
        raise RegistryRefused("the registry has the schema of a newer Muster") from None
    except PoolTimeout:
        raise RegistryBusy("no connection to the registry became free") from None
    except (DBAPIError, PendingRollbackError, sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        found = translated(error)
        if found is None:
            raise
        raise found from None


def translated(error: Exception) -> MusterError | None:
    """None for what is neither away, busy, full nor closed to us: a fault of the program."""
    raw = getattr(error, "orig", None) or error
    first = next(iter(str(raw).strip().splitlines()), "").strip()
    state = getattr(raw, "sqlite_errorname", None) or getattr(raw, "sqlstate", None) or ""
    table = _SQLITE if state.startswith("SQLITE_") else _POSTGRESQL
    meaning = next((meaning for start, meaning in table if state.startswith(start)), None) if state else None
    if meaning is None and not state:
        meaning = next((meaning for words, meaning in _SAID if words in first), None)
    if meaning is None:
        if "OperationalError" not in {kind.__name__ for kind in type(error).__mro__}:
            return None
        meaning = _AWAY
    group, what = meaning
    return group(f"{what}: {printable(first)}" if first else what, state=state)
