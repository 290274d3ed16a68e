"""The schema: migrations bring both databases to what `tables` declares, and its constraints bite."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from adapters.registry import registry as registry_module
from adapters.registry.engine import make_engine
from adapters.registry.registry import Registry
from adapters.registry.tables import devices, leases, metadata, provider_states
from jobs.states import FileState

MIGRATIONS = Path(registry_module.__file__).parent / "migrations"


def migrated(url: str) -> None:
    with closing(Registry(url)) as registry:
        registry.migrate()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = make_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def test_migrations_end_at_what_the_tables_declare(registry_url: str) -> None:
    migrated(registry_url)
    with connected(registry_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert version(connection) == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_check_constraints_are_those_of_the_tables(registry_url: str) -> None:
    """Alembic does not compare them."""
    migrated(registry_url)
    with connected(registry_url) as connection:
        inspected = inspect(connection)
        made = {(table, item["name"]) for table in metadata.tables for item in inspected.get_check_constraints(table)}
    declared = {
        (t.name, c.name)
        for t in metadata.sorted_tables
        for c in t.constraints
        if c.__visit_name__ == "check_constraint"
    }
    assert made == declared
    assert len(made) > 2


def test_migrating_again_changes_nothing(registry_url: str) -> None:
    migrated(registry_url)
    with connected(registry_url) as connection, connection.begin():
        connection.execute(insert(provider_states).values(provider="acme", out_sequence=7))
    migrated(registry_url)
    with connected(registry_url) as connection:
        assert connection.execute(select(provider_states.c.out_sequence)).scalar_one() == 7


def test_processes_that_start_together_migrate_once(registry_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrated, [registry_url] * 4))
    with connected(registry_url) as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def test_an_unknown_state_is_refused(registry_url: str) -> None:
    migrated(registry_url)
    with connected(registry_url) as connection, connection.begin(), pytest.raises(IntegrityError):
        connection.execute(insert(devices).values(serial_number="SN1", state=FileState.LOADED))


def test_an_error_rolls_the_whole_transaction_back(registry_url: str) -> None:
    migrated(registry_url)
    with closing(Registry(registry_url)) as registry:
        with pytest.raises(ZeroDivisionError), registry.transaction() as tx:
            tx.batches.next_sequence("acme")
            _ = 1 / 0
        with registry.rehearsal() as tx:
            tx.batches.next_sequence("acme")
        with registry.transaction() as tx:
            assert tx.batches.next_sequence("acme") == 1


def test_foreign_keys_hold(registry_url: str) -> None:
    migrated(registry_url)
    statement = text("INSERT INTO customer_organisations VALUES (99, 'acme', 'ORG-1')")
    with connected(registry_url) as connection, connection.begin(), pytest.raises(IntegrityError):
        connection.execute(statement)
    with connected(registry_url) as connection:
        assert connection.execute(select(leases)).all() == []
