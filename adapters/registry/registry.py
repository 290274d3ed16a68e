"""The door to the registry: transactions, and bringing the schema up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from adapters.registry.answers import Answers
from adapters.registry.attempts import Attempts
from adapters.registry.audit import AuditTrail
from adapters.registry.batches import Batches
from adapters.registry.claims import Claims
from adapters.registry.conservation import ConservationCount
from adapters.registry.covered import Added, altered, cover
from adapters.registry.engine import for_reading, make_engine
from adapters.registry.files import Files
from adapters.registry.holds import Holds
from adapters.registry.intake import Intake
from adapters.registry.leases import Leases
from adapters.registry.queries import Queries
from adapters.registry.records import Records
from adapters.registry.recovery import Recovery
from adapters.registry.runs import Runs
from adapters.registry.trouble import answering
from adapters.registry.unsettled import UnsettledFiles
from adapters.registry.uploads import Uploads

_MIGRATION_LOCK = 7_301_985  # any constant: processes that start together migrate one after the other


class Transaction:
    """Implements `jobs.registry.Transaction` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._added: list[Added] = []

    def complete(self) -> None:
        """The last thing before the commit: the audit trail covers what was added."""
        cover(self._db, self._added)

    def altered(self) -> list[str]:
        """Records that are not as the audit trail has them, such as `evidence 12`."""
        return altered(self._db)

    @cached_property
    def intake(self) -> Intake:
        return Intake(self._db)

    @cached_property
    def claims(self) -> Claims:
        return Claims(self._db)

    @cached_property
    def batches(self) -> Batches:
        return Batches(self._db, self._added)

    @cached_property
    def attempts(self) -> Attempts:
        return Attempts(self._db)

    @cached_property
    def files(self) -> Files:
        return Files(self._db)

    @cached_property
    def unsettled(self) -> UnsettledFiles:
        return UnsettledFiles(self._db)

    @cached_property
    def answers(self) -> Answers:
        return Answers(self._db, self._added)

    @cached_property
    def runs(self) -> Runs:
        return Runs(self._db)

    @cached_property
    def uploads(self) -> Uploads:
        return Uploads(self._db)

    @cached_property
    def audit(self) -> AuditTrail:
        return AuditTrail(self._db)

    @cached_property
    def recovery(self) -> Recovery:
        return Recovery(self._db)

    @cached_property
    def holds(self) -> Holds:
        return Holds(self._db)

    @cached_property
    def leases(self) -> Leases:
        return Leases(self._db)

    @cached_property
    def conservation(self) -> ConservationCount:
        return ConservationCount(self._db)

    @cached_property
    def records(self) -> Records:
        return Records(self._db)

    @cached_property
    def queries(self) -> Queries:
        return Queries(self._db)


class Registry:
    """Implements `jobs.registry.Registry` over one database.

    Its methods raise RegistryBusy, RegistryAway, RegistryRefused, DiskFull or StorageFailed for what a database says.
    """

    def __init__(self, url: str) -> None:
        self._engine: Engine = make_engine(url)
        self._snapshots = for_reading(self._engine)

    def migrate(self) -> None:
        """Bring the schema to the newest version; nothing happens if it is there already."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with answering(), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # SQLite's BEGIN IMMEDIATE is lock enough
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with answering(), self._engine.begin() as connection:
            opened = Transaction(connection)
            yield opened
            opened.complete()

    @contextmanager
    def view(self) -> Iterator[Transaction]:
        with answering(), self._snapshots.begin() as connection:
            yield Transaction(connection)

    @contextmanager
    def rehearsal(self) -> Iterator[Transaction]:
        with answering(), self._engine.connect() as connection, connection.begin() as transaction:
            yield Transaction(connection)
            transaction.rollback()

    def close(self) -> None:
        self._engine.dispose()
