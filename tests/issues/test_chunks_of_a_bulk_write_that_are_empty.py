"""A table whose first chunk is empty went into PostgreSQL as 16 KiB of zero bytes in front of its rows.

The CSV writer of pyarrow 26 makes them. COPY refused the first one, so nothing was stored wrongly, but the whole
upload failed.
"""

from __future__ import annotations

import pyarrow as pa
from sqlalchemy import select

from adapters.registry.bulk import staged
from adapters.registry.engine import make_engine
from tests.support.postgres import registry_url  # noqa: F401  (a fixture)


def test_an_empty_first_chunk_is_nothing(registry_url: str) -> None:  # noqa: F811
    rows = pa.table({"row": pa.array([1], pa.int64()), "word": pa.array(["x"])})
    engine = make_engine(registry_url)
    with (
        engine.begin() as connection,
        staged(connection, "chunks", pa.concat_tables([rows.slice(0, 0), rows])) as stage,
    ):
        assert [tuple(found) for found in connection.execute(select(stage))] == [(1, "x")]
    engine.dispose()
