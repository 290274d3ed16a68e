"""What the plans of several templates have in common. All of it works on whole columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import RecordSchema
from formats.template import Effect, Faults, Known, Plan, Reference, Rows, Rules, Write


def column(known: Known, lookup: str, name: str) -> pa.Array:
    """One field of a lookup, in the order of the rows."""
    found = known[lookup].column(name)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def found_none(known: Known, lookup: str) -> pa.BooleanArray:
    return pc.equal(column(known, lookup, "matches"), 0)


def found_one(known: Known, lookup: str) -> pa.BooleanArray:
    return pc.equal(column(known, lookup, "matches"), 1)


def found_many(known: Known, lookup: str) -> pa.BooleanArray:
    return pc.greater(column(known, lookup, "matches"), 1)


def constant(rows: Rows, value: str) -> pa.StringArray:
    return pa.repeat(pa.scalar(value, pa.string()), len(rows))


def differs(left: pa.Array, right: pa.Array) -> pa.BooleanArray:
    """True where the two are not the same; two empty ones are."""
    unequal = pc.fill_null(pc.not_equal(left, right.cast(left.type)), False)
    return pc.or_(unequal, pc.xor(pc.is_null(left), pc.is_null(right)))


def both(*masks: pa.BooleanArray) -> pa.BooleanArray:
    """True where every mask is true; null counts as false."""
    joined = pc.fill_null(masks[0], False)
    for mask in masks[1:]:
        joined = pc.and_(joined, pc.fill_null(mask, False))
    return joined


def effects(new: pa.BooleanArray, changed: pa.BooleanArray) -> pa.StringArray:
    """NEW, else CHANGED, else UNCHANGED; null counts as false."""
    known = pc.if_else(pc.fill_null(changed, False), Effect.CHANGED.value, Effect.UNCHANGED.value)
    return pc.if_else(pc.fill_null(new, False), Effect.NEW.value, known)


def table_of(rows: Rows, values: Mapping[str, pa.Array], mask: pa.BooleanArray) -> pa.Table:
    """The rows of a `Write`: `row` and these columns, where `mask` is true."""
    whole = pa.table([rows.numbers, *values.values()], names=["row", *values])
    return whole.filter(pc.fill_null(mask, False)).combine_chunks()


def judge_lists(faults: Faults, rows: Rows, schema: RecordSchema, rules: Rules) -> None:
    """CELL_CHOICE where a column offers a list the installation has set, and the cell is not on it."""
    for item in schema.columns:
        allowed = rules.lists.get(item.offers)
        if item.offers and allowed is not None:
            cells = rows.cell(item.name)
            listed = pc.is_in(cells, value_set=pa.array(allowed, pa.string()))
            faults.add("CELL_CHOICE", item.name, pc.and_(pc.is_valid(cells), pc.invert(listed)))


@dataclass(frozen=True)
class Record:
    """What the rows say about one record each of `table`: its columns after the upload.

    `key` columns tell records apart and never change.
    """

    table: str
    key: tuple[str, ...]
    values: Mapping[str, pa.Array]
    references: Mapping[str, Reference] = field(default_factory=dict)


def keep(rows: Rows, faults: Faults, record: Record, present: pa.Table, always: pa.BooleanArray | None = None) -> Plan:
    """Insert the records that are not there, update those that differ from `present`.

    `present`: the lookup of the records, with the columns of `record` but the key and references.
    `always`: rows that change their record although no column shows it.
    """
    new = pc.equal(present.column("matches").combine_chunks(), 0)
    changed = pc.fill_null(always, False) if always is not None else pc.and_(new, False)
    for name, value in record.values.items():
        if name in present.column_names and name not in (*record.key, *record.references):
            changed = pc.or_(changed, differs(value, present.column(name).combine_chunks()))
    changed = pc.and_not(changed, new)
    writes = tuple(
        Write(record.table, table_of(rows, record.values, both(faults.passed, mask)), key, record.references)
        for mask, key in ((new, ()), (changed, record.key))
    )
    return Plan(faults.findings, effects(new, changed), writes)
