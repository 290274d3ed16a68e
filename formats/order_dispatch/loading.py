"""Loads an Order Dispatch file: reads it, puts cells into canonical spelling, judges each row."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from formats.cells import canonical, spelled, unseen
from formats.enrolment import RequestType
from formats.findings import FINDINGS_SCHEMA
from formats.judge import judge
from formats.order_dispatch import cmp_json, text
from formats.order_dispatch.layout import ORDER_DISPATCH


@dataclass(frozen=True)
class Loaded:
    """All rows in canonical spelling with the source row in `row`; `passed` marks the good ones."""

    rows: pa.Table
    passed: pa.BooleanArray
    findings: pa.Table
    read: int


def load(data: bytes) -> Loaded:
    """Read and judge. Raises `formats.order_dispatch.raw.FileFault`."""
    raw = cmp_json.read(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else text.read(data)
    table = _canonical(raw.table)
    verdict = judge(ORDER_DISPATCH, table, raw.numbers)
    hidden, odd = _unseen(table, raw.numbers)
    unreadable = pa.table(
        [
            pa.array([finding.row for finding in raw.unreadable], pa.int64()),
            pa.array([finding.column for finding in raw.unreadable], pa.string()),
            pa.array([finding.code for finding in raw.unreadable], pa.string()),
        ],
        schema=FINDINGS_SCHEMA,
    )
    return Loaded(
        rows=table.append_column("row", raw.numbers),
        passed=pc.and_not(verdict.passed, odd),
        findings=pa.concat_tables([verdict.findings, hidden, unreadable]),
        read=table.num_rows + len(raw.unreadable),
    )


def _canonical(table: pa.Table) -> pa.Table:
    columns = [_cell_form(table, name) for name in table.column_names]
    return pa.table(columns, schema=table.schema).combine_chunks()


def _cell_form(table: pa.Table, name: str) -> pa.Array:
    """In one spelling, trimmed; empty is null; numbers, dates and identifiers canonical; request type names become
    codes."""
    kind = ORDER_DISPATCH.column(name).kind
    cells = spelled(kind, table.column(name).combine_chunks())
    if name in ("request_type", "enrolment_requested"):
        return _code(pc.utf8_upper(cells))
    return canonical(kind, cells)


def _unseen(table: pa.Table, numbers: pa.Int64Array) -> tuple[pa.Table, pa.BooleanArray]:
    """Findings at cells with characters that nobody sees, and the rows that have one."""
    odd = pa.repeat(False, table.num_rows)
    parts = [FINDINGS_SCHEMA.empty_table()]
    for name in table.column_names:
        here = unseen(table.column(name).combine_chunks())
        odd = pc.or_(odd, here)
        rows = numbers.filter(here)
        columns = [rows, pa.repeat(name, len(rows)), pa.repeat("CELL_CHARACTERS", len(rows))]
        parts.append(pa.table(columns, schema=FINDINGS_SCHEMA))
    return pa.concat_tables(parts), odd


def _code(cells: pa.StringArray) -> pa.StringArray:
    for name in RequestType:
        cells = pc.if_else(pc.equal(cells, name.name), name.value, cells)
    return cells
