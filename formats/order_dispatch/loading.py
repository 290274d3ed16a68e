"""Loads an Order Dispatch file: reads it, puts cells into canonical spelling, judges each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from formats.cells import canonical, spelled, unseen
from formats.enrolment import RequestType
from formats.findings import FINDINGS_SCHEMA
from formats.identifiers import first_imei
from formats.judge import judge
from formats.order_dispatch import cmp_json, text
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.order_dispatch.raw import RawRows
from formats.placeholders import is_placeholder


@dataclass(frozen=True)
class Loaded:
    """All rows in canonical spelling with the source row in `row`; `passed` marks the good ones."""

    rows: pa.Table
    passed: pa.BooleanArray
    findings: pa.Table
    read: int


def load(data: bytes, placeholders: Sequence[str] = ()) -> Loaded:
    """Read and judge; `placeholders`: `Rules.identifier_placeholders`.

    Raises `formats.order_dispatch.raw.FileFault`.
    """
    raw = cmp_json.read(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else text.read(data)
    table = _canonical(raw.table)
    verdict = judge(ORDER_DISPATCH, table, raw.numbers)
    hidden, odd = _at_cells("CELL_CHARACTERS", {name: unseen(_cells(table, name)) for name in table.column_names}, raw)
    strangers = {
        column.name: is_placeholder(column, _cells(table, column.name), placeholders)
        for column in ORDER_DISPATCH.columns
    }
    dummies, nameless = _at_cells("IDENTIFIER_PLACEHOLDER", strangers, raw)
    unreadable = pa.table(
        [
            pa.array([finding.row for finding in raw.unreadable], pa.int64()),
            pa.array([finding.column for finding in raw.unreadable], pa.string()),
            pa.array([finding.code for finding in raw.unreadable], pa.string()),
        ],
        schema=FINDINGS_SCHEMA,
    )
    return Loaded(
        rows=first_imei(table).append_column("row", raw.numbers),
        passed=pc.and_not(verdict.passed, pc.or_(odd, nameless)),
        findings=pa.concat_tables([_elsewhere(verdict.findings, dummies), hidden, dummies, unreadable]),
        read=table.num_rows + len(raw.unreadable),
    )


def _canonical(table: pa.Table) -> pa.Table:
    columns = [_cell_form(table, name) for name in table.column_names]
    return pa.table(columns, schema=table.schema).combine_chunks()


def _cell_form(table: pa.Table, name: str) -> pa.Array:
    """In one spelling, trimmed; empty is null; numbers, dates and identifiers canonical; request type names become
    codes."""
    kind = ORDER_DISPATCH.column(name).kind
    cells = spelled(kind, _cells(table, name))
    if name in ("request_type", "enrolment_requested"):
        return _code(pc.utf8_upper(cells))
    return canonical(kind, cells)


def _at_cells(code: str, masks: Mapping[str, pa.BooleanArray], raw: RawRows) -> tuple[pa.Table, pa.BooleanArray]:
    """Findings at the cells of `masks` (by column), and the rows that have one."""
    hit = pa.repeat(False, raw.table.num_rows)
    parts = [FINDINGS_SCHEMA.empty_table()]
    for name, mask in masks.items():
        hit = pc.or_(hit, mask)
        rows = raw.numbers.filter(mask)
        columns = [rows, pa.repeat(name, len(rows)), pa.repeat(code, len(rows))]
        parts.append(pa.table(columns, schema=FINDINGS_SCHEMA))
    return pa.concat_tables(parts), hit


def _elsewhere(findings: pa.Table, told: pa.Table) -> pa.Table:
    """Those at other cells than `told`: one cell, one message."""
    if not told.num_rows:
        return findings
    cells = ["row", "column"]
    kept = findings.join(told.select(cells), cells, join_type="left anti")
    return kept.select(FINDINGS_SCHEMA.names).cast(FINDINGS_SCHEMA)


def _cells(table: pa.Table, name: str) -> pa.StringArray:
    return table.column(name).combine_chunks()


def _code(cells: pa.StringArray) -> pa.StringArray:
    for name in RequestType:
        cells = pc.if_else(pc.equal(cells, name.name), name.value, cells)
    return cells
