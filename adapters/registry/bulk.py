"""Bulk transport: Arrow tables into a staging table, rows out into Arrow.

COPY on PostgreSQL, executemany on SQLite: the client side is never the bottleneck.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
from sqlalchemy import BigInteger, Column, Connection, Executable, MetaData, Table, Text
from sqlalchemy.schema import CreateTable, DropTable

from formats.generic.writer import moment as moment_text


@contextmanager
def staged(connection: Connection, name: str, data: pa.Table) -> Iterator[Table]:
    """A temporary table holding `data`: integers as bigint, everything else as text."""
    columns = [Column(field.name, BigInteger if pa.types.is_integer(field.type) else Text) for field in data.schema]
    table = Table(f"stage_{name}", MetaData(), *columns, prefixes=["TEMPORARY"])
    connection.execute(CreateTable(table))
    load(connection, table, data)
    yield table
    connection.execute(DropTable(table))  # after an error the roll-back removes it


def load(connection: Connection, table: Table, data: pa.Table) -> None:
    """Append `data` to `table`; the column names of both are the same."""
    if data.num_rows == 0:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, data.combine_chunks())  # the writer makes garbage of an empty first chunk
    else:
        _execute_many(connection, table, data)


def fetch(connection: Connection, statement: Executable, schema: Sequence[tuple[str, pa.DataType]]) -> pa.Table:
    """The rows of `statement` as an Arrow table; moments become their text form."""
    rows = connection.execute(statement).fetchall()
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    arrays = [_array(values, kind) for values, (_, kind) in zip(columns, schema, strict=True)]
    return pa.table(arrays, names=[name for name, _ in schema])


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    first = next((value for value in values if value is not None), None)
    if hasattr(first, "strftime"):
        texts = {value: moment_text(value) for value in set(values) if value is not None}
        return pa.array([texts.get(value) for value in values], kind)
    return pa.array(values, kind)


def _copy(connection: Connection, table: Table, data: pa.Table) -> None:
    preparer = connection.dialect.identifier_preparer
    columns = ", ".join(preparer.quote(name) for name in data.column_names)
    buffer = io.BytesIO()
    pacsv.write_csv(data, buffer, pacsv.WriteOptions(include_header=False))
    driver: Any = connection.connection.driver_connection
    with (
        driver.cursor() as cursor,
        cursor.copy(f"COPY {preparer.format_table(table)} ({columns}) FROM STDIN WITH (FORMAT csv, NULL '')") as copy,
    ):
        copy.write(buffer.getbuffer())


def _execute_many(connection: Connection, table: Table, data: pa.Table) -> None:
    preparer = connection.dialect.identifier_preparer
    columns = ", ".join(preparer.quote(name) for name in data.column_names)
    marks = ", ".join("?" * data.num_columns)
    rows = list(zip(*(column.to_pylist() for column in data.columns), strict=True))
    connection.exec_driver_sql(
        f"INSERT INTO {preparer.format_table(table)} ({columns}) VALUES ({marks})",  # noqa: S608 - our own names
        rows,
    )
