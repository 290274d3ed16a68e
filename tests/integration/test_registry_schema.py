"""The schema: migrations bring both databases to what `tables` declares, and its constraints bite."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

from adapters.registry import registry as registry_module
from adapters.registry.engine import make_engine
from adapters.registry.registry import Registry
from adapters.registry.schema import metadata
from adapters.registry.tables import devices, leases, provider_states
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
    constraints = [constraint for table in metadata.sorted_tables for constraint in table.constraints]
    declared = {(item.table.name, item.name) for item in constraints if isinstance(item, CheckConstraint)}
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
    code = (
        "import sys, time; from sqlalchemy import event; from adapters.registry.registry import Registry\n"
        "registry = Registry(sys.argv[1]); event.listen(registry._engine, 'commit', lambda _: time.sleep(0.3))\n"
        "print('ready', flush=True); sys.stdin.readline(); registry.migrate(); registry.close()"
    )
    command = [sys.executable, "-c", code, registry_url]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = []
    for process in started:
        process.communicate(timeout=60)
        ended.append(process.returncode)
    assert ended == [0, 0]
    with connected(registry_url) as connection:
        assert version(connection) is not None


def test_opening_a_new_sqlite_file_waits_for_whoever_makes_it(tmp_path: Path) -> None:
    """SQLite itself does not wait while the journal mode is set."""
    path = tmp_path / "registry.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as first, ThreadPoolExecutor(1) as pool:
        first.execute("BEGIN IMMEDIATE")
        first.execute("CREATE TABLE something (it)")
        second = pool.submit(migrated, f"sqlite:///{path}")
        time.sleep(0.3)
        first.execute("COMMIT")
        second.result(60)
    with connected(f"sqlite:///{path}") as connection:
        assert version(connection) is not None


def test_an_unknown_state_is_refused(registry_url: str) -> None:
    migrated(registry_url)
    with connected(registry_url) as connection, connection.begin(), pytest.raises(IntegrityError):
        connection.execute(insert(devices).values(serial_number="SN1", state=FileState.LOADED))


def test_an_error_rolls_the_whole_transaction_back(registry_url: str) -> None:
    migrated(registry_url)
    with closing(Registry(registry_url)) as registry:
        with suppress(LookupError), registry.transaction() as tx:
            tx.batches.next_sequence("acme")
            raise LookupError
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
