"""The simulator's SQLite: batches seen, answers to come, sequence numbers, events."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from simulator import enrolments
from simulator.reader import RequestHeader
from simulator.writer import Details

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    provider_id TEXT NOT NULL, batch_number TEXT NOT NULL, sha256 TEXT NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (provider_id, batch_number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, provider_id TEXT NOT NULL, batch_number TEXT NOT NULL,
    batch_date_time TEXT NOT NULL, due REAL NOT NULL, body BLOB NOT NULL, record_count INTEGER NOT NULL,
    order_count INTEGER NOT NULL, hash_total INTEGER NOT NULL, sequence INTEGER, name TEXT, sent_at TEXT
);
CREATE TABLE IF NOT EXISTS sequences (provider_id TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, event TEXT NOT NULL, file TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_are_kept BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""


class PlannedAnswer(NamedTuple):
    """One answer file to come. `sequence` and `name` are set just before it is written."""

    id: int
    provider_id: str
    batch_number: str
    batch_date_time: str
    body: bytes
    record_count: int
    order_count: int
    hash_total: int
    sequence: int | None
    name: str | None

    @property
    def details(self) -> Details:
        return Details(self.body, self.record_count, self.order_count, self.hash_total)


@contextmanager
def transaction(database: Path) -> Iterator[sqlite3.Connection]:
    """One transaction: committed if the block ends well, rolled back if it raises."""
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        yield connection


def prepare(database: Path) -> None:
    """Create what is not there yet."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_SCHEMA + enrolments.SCHEMA)
    database.chmod(0o600)


def known_digest(connection: sqlite3.Connection, header: RequestHeader) -> str | None:
    """SHA-256 of the request with this batch number that was processed, if there was one."""
    row = connection.execute(
        "SELECT sha256 FROM batches WHERE provider_id = ? AND batch_number = ?",
        (header.provider_id, header.batch_number),
    ).fetchone()
    return None if row is None else str(row[0])


def keep_batch(connection: sqlite3.Connection, header: RequestHeader, sha256: str) -> None:
    connection.execute(
        "INSERT INTO batches VALUES (?, ?, ?, ?)", (header.provider_id, header.batch_number, sha256, header.sequence)
    )


def highest_sequence(connection: sqlite3.Connection, provider_id: str) -> int:
    """The highest sequence number of the requests processed so far, 0 if there was none."""
    row = connection.execute("SELECT max(sequence) FROM batches WHERE provider_id = ?", (provider_id,)).fetchone()
    return int(row[0] or 0)


def plan_answer(connection: sqlite3.Connection, header: RequestHeader, details: Details, due: float) -> None:
    """Have an answer written at `due` (seconds since 1970)."""
    connection.execute(
        "INSERT INTO answers (provider_id, batch_number, batch_date_time, due, body, record_count, order_count,"
        " hash_total) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(header.provider_id, header.batch_number, header.batch_date_time, due),
            *(details.body, details.record_count, details.order_count, details.hash_total),
        ),
    )


def due_answers(connection: sqlite3.Connection, now: float) -> list[PlannedAnswer]:
    """Answers whose time has come, oldest first."""
    rows = connection.execute(
        "SELECT id, provider_id, batch_number, batch_date_time, body, record_count, order_count, hash_total,"
        " sequence, name FROM answers WHERE sent_at IS NULL AND due <= ? ORDER BY due, id",
        (now,),
    )
    return [PlannedAnswer(*row) for row in rows]


def number_answer(connection: sqlite3.Connection, answer: PlannedAnswer, step: int) -> PlannedAnswer:
    """Give the answer its sequence number and name: `step` 1 is right, 2 leaves a gap, 0 uses one twice."""
    row = connection.execute("SELECT last FROM sequences WHERE provider_id = ?", (answer.provider_id,)).fetchone()
    last = 0 if row is None else int(row[0])
    sequence = max(last + step, 1)
    again = f"-{answer.id}" if sequence == last else ""
    name = f"{answer.provider_id}-IN-{sequence:06d}{again}.pgp"
    connection.execute("REPLACE INTO sequences VALUES (?, ?)", (answer.provider_id, sequence))
    connection.execute("UPDATE answers SET sequence = ?, name = ? WHERE id = ?", (sequence, name, answer.id))
    return answer._replace(sequence=sequence, name=name)


def mark_sent(connection: sqlite3.Connection, answer: PlannedAnswer) -> None:
    """The file is out; its copy lies in the home, so the records need not be kept here."""
    connection.execute("UPDATE answers SET sent_at = ?, body = x'' WHERE id = ?", (_now(), answer.id))


def postpone(connection: sqlite3.Connection, answer: PlannedAnswer, due: float) -> None:
    connection.execute("UPDATE answers SET due = ? WHERE id = ?", (due, answer.id))


def sent_names(connection: sqlite3.Connection, header: RequestHeader) -> list[str]:
    """Names of the answers that went out for a batch."""
    rows = connection.execute(
        "SELECT name FROM answers WHERE provider_id = ? AND batch_number = ? AND sent_at IS NOT NULL ORDER BY id",
        (header.provider_id, header.batch_number),
    )
    return [str(name) for (name,) in rows]


def keep_event(connection: sqlite3.Connection, event: str, file: str, facts: dict[str, str | int]) -> str:
    """Append an event; returns its line for the log."""
    at = _now()
    connection.execute(
        "INSERT INTO events (at, event, file, facts) VALUES (?, ?, ?, ?)", (at, event, file, json.dumps(facts))
    )
    return " ".join([at, event, file, *(f"{key}={value}" for key, value in facts.items())])


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
