"""Uploads against the registry: a few set-based statements that know no template.

A lookup is one join from the staged rows to a source, a write one INSERT … SELECT or UPDATE … FROM.
Names of tables come from closed lists (`adapters.registry.sources`), never from a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Integer,
    Select,
    Table,
    Text,
    Update,
    cast,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from adapters.registry.bulk import staged
from adapters.registry.source import Source
from adapters.registry.sources import OFFERS, SOURCES, WRITABLE
from formats.template import Known, Lookup, Write
from jobs.errors import StateMoved

MOST_OFFERS = 5_000
_POSITION = "position"
_COUNTED = {"preserve_rowcount": True}  # PostgreSQL's driver forgets how many an INSERT made


class Records:
    """Implements `jobs.registry.Records`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def known(self, rows: pa.Table, lookups: Mapping[str, Lookup]) -> Known:
        """What the registry knows of each row, one table per lookup."""
        cells = sorted({cell for lookup in lookups.values() for cell in lookup.on.values()})
        with staged(self._db, "records_known", rows.select(["row", *cells])) as stage:
            if self._db.dialect.name == "postgresql":
                self._db.execute(text(f"ANALYZE {stage.name}"))
            return {name: self._look_up(stage, lookup, rows) for name, lookup in lookups.items()}

    def write(self, write: Write) -> int:
        """Carry out one write; returns the records it reached. Raises StateMoved, and nothing may be kept then."""
        if write.rows.num_rows == 0:
            return 0
        with staged(self._db, "records_write", _transportable(write.rows)) as stage:
            try:
                reached = self._db.execute(_statement(write, stage), execution_options=_COUNTED).rowcount
            except IntegrityError as error:
                raise StateMoved("A record collides with another one", constraint=_constraint(error)) from None
        if not write.emptied and reached != write.rows.num_rows:
            raise StateMoved(
                "Records that rows of an upload name are not there, or there twice",
                table=write.table,
                rows=write.rows.num_rows,
                reached=reached,
            )
        return reached

    def offers(self, name: str) -> list[str]:
        """Values in use for a drop-down, sorted; none for a list that is not known."""
        column = OFFERS.get(name)
        if column is None:
            return []
        statement = select(column).where(column.is_not(None)).distinct().order_by(column).limit(MOST_OFFERS)
        return sorted(self._db.execute(statement).scalars())

    def _look_up(self, stage: Table, lookup: Lookup, rows: pa.Table) -> pa.Table:
        source = SOURCES[lookup.source]
        kinds = {name: _kind(source.columns[name]) for name in lookup.fields}
        by = _told_by(source, lookup)
        found = self._fetched(_matching(stage, source, lookup, by), [by, "matches", *kinds])
        place = pc.index_in(rows[by].combine_chunks(), value_set=found[by].cast(rows.schema.field(by).type))
        matches = pc.fill_null(found["matches"].cast(pa.int64()).take(place), 0)
        one = pc.equal(matches, 1)
        fields = [
            pc.if_else(one, found[name].cast(kind).take(place), pa.scalar(None, kind)) for name, kind in kinds.items()
        ]
        return pa.table([matches, *fields], names=["matches", *kinds])

    def _fetched(self, statement: Select[Any], names: list[str]) -> dict[str, pa.Array]:
        """The columns of the answer, past the row objects, which would double the time."""
        result = self._db.execute(statement)
        rows: Sequence[Any] = result.cursor.fetchall() if result.cursor is not None else []
        result.close()
        return {name: pa.array([row[index] for row in rows]) for index, name in enumerate(names)}


def _kind(column: ColumnElement[Any]) -> pa.DataType:
    if isinstance(column.type, Boolean):
        return pa.bool_()
    return pa.int64() if isinstance(column.type, Integer) else pa.string()


def _told_by(source: Source, lookup: Lookup) -> str:
    """The column of the rows that a match is fetched for: a cell where many rows may have one value, such as a
    customer's name, else the row's number."""
    if len(lookup.on) > 1 or source.is_unique(lookup.on):
        return "row"
    return next(iter(lookup.on.values()))


def _matching(stage: Table, source: Source, lookup: Lookup, by: str) -> Select[Any]:
    """What matches at all: how many records, and of one record its fields."""
    asked: FromClause = stage if by == "row" else select(stage.c[by]).distinct().subquery("asked")
    keys = {name: source.columns[name] for name in lookup.on}
    fields = [source.columns[name] for name in lookup.fields]
    start, only = source.start, source.only
    if lookup.folded:
        start, only, keys, fields = _folded(source, keys, fields)
    values = [_transported(field) for field in fields]
    met = [_equal(keys[name], asked.c[cell], lookup.folded) for name, cell in lookup.on.items()]
    if source.is_unique(lookup.on) and not lookup.folded:
        found: Select[Any] = select(asked.c[by], literal(1), *values)
    else:
        found = select(asked.c[by], func.count(), *(func.min(value) for value in values)).group_by(asked.c[by])
    return found.select_from(asked).select_from(start).where(*met, *only)


def _transported(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(column, Integer) if isinstance(column.type, Boolean) else column


def _folded(
    source: Source, keys: Mapping[str, ColumnElement[Any]], fields: Sequence[ColumnElement[Any]]
) -> tuple[FromClause, tuple[ColumnElement[bool], ...], dict[str, ColumnElement[Any]], list[ColumnElement[Any]]]:
    """The source with its keys in lower case; computed once, so that SQLite can index it."""
    lowered = [key if isinstance(key.type, Integer) else func.lower(key, type_=Text) for key in keys.values()]
    shown = [column.label(f"column_{place}") for place, column in enumerate([*lowered, *fields])]
    once = select(*shown).select_from(source.start).where(*source.only).cte("folded").prefix_with("MATERIALIZED")
    columns: list[ColumnElement[Any]] = list(once.c)
    return once, (), dict(zip(keys, columns, strict=False)), columns[len(keys) :]


def _equal(column: ColumnElement[Any], cell: ColumnElement[Any], folded: bool) -> ColumnElement[bool]:
    if isinstance(column.type, Integer):
        return column == cast(cell, BigInteger)
    return column == (func.lower(cell) if folded else cell)


def _transportable(rows: pa.Table) -> pa.Table:
    """Truth values as 0 and 1, the place of each row, and without the number of the row it comes from."""
    kept = rows.select([name for name in rows.column_names if name != "row"])
    for index, field in enumerate(kept.schema):
        if pa.types.is_boolean(field.type):
            kept = kept.set_column(index, field.name, kept.column(index).cast(pa.int64()))
    return kept.append_column(_POSITION, pa.array(range(kept.num_rows), pa.int64()))


def _statement(write: Write, stage: Table) -> Insert | Update:
    table = WRITABLE[write.table]
    names = [column.name for column in stage.columns if column.name != _POSITION]
    resolved = _resolved(write, table, stage, names)
    if not write.key:
        return insert(table).from_select(names, resolved.order_by(stage.c[_POSITION]))
    given = resolved.subquery("given")
    values: dict[str, Any] = {name: given.c[name] for name in names if name not in write.key}
    values.update({name: null() for name in write.emptied})
    return update(table).where(*(table.c[name] == given.c[name] for name in write.key)).values(values)


def _resolved(write: Write, table: Table, stage: Table, names: list[str]) -> Select[Any]:
    """The staged rows as the table has them: types cast, references found. A row whose reference is not there
    falls out, and is missed by the count."""
    source: Any = stage
    met: list[ColumnElement[bool]] = []
    columns: list[ColumnElement[Any]] = []
    for name in names:
        reference = write.references.get(name)
        if reference is None:
            value = _as(table.c[name], stage.c[name])
            if name in write.numbered:
                value = func.coalesce(value, _number(write.numbered[name], table, stage))
            columns.append(value.label(name))
            continue
        other = WRITABLE[reference.table].alias(f"by_{name}")
        by = other.c[reference.by]
        source = source.outerjoin(other, by == _as(by, stage.c[name]))
        met.append(or_(stage.c[name].is_(None), other.c.id.is_not(None)))
        columns.append(other.c.id.label(name))
    return select(*columns).select_from(source).where(*met)


def _number(prefix: str, table: Table, stage: Table) -> ColumnElement[Any]:
    """Not above the id the record will get, so that no later one is given the same."""
    highest = select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery()
    return literal(prefix) + cast(highest + stage.c[_POSITION] + 1, Text)


def _as(column: ColumnElement[Any], cell: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Boolean):
        return cell != 0
    if isinstance(column.type, Integer):
        return cell if isinstance(cell.type, BigInteger) else cast(cell, BigInteger)
    return cell if isinstance(cell.type, Text) else cast(cell, Text)


def _constraint(error: IntegrityError) -> str:
    """Which one it was, without the values it was about."""
    told = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
    return str(told or error.orig)
