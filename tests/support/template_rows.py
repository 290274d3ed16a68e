"""Rows and lookups of templates, built by hand: as the judge would let them pass, as the registry would answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from formats.judge import judge
from formats.schema import RecordSchema
from formats.template import CLEAR, Known, Plan, Rows, Rules, Template, Write

Cells = Mapping[str, str]
Record = Mapping[str, object]


def rows_of(schema: RecordSchema, *cells: Cells, first: int = 2) -> Rows:
    """One row for each mapping; columns that are not named are blank, CLEAR empties."""
    given = [[row.get(name) or None for row in cells] for name in schema.names]
    texts = [[None if cell == CLEAR else cell for cell in column] for column in given]
    cleared = [[cell == CLEAR for cell in column] for column in given]
    numbers = pa.array(range(first, first + len(cells)), pa.int64())
    table = pa.table([*(pa.array(column, pa.string()) for column in texts), numbers], names=[*schema.names, "row"])
    masks = pa.table([pa.array(column, pa.bool_()) for column in cleared], names=list(schema.names))
    return Rows(table, masks)


def judged(template: Template, *cells: Cells) -> list[tuple[int, str, str]]:
    """What the judge finds in these rows: row, column, code."""
    rows = rows_of(template.schema, *cells)
    found = judge(template.schema, rows.table.select(list(template.schema.names)), rows.numbers).findings
    return [(finding["row"], finding["column"], finding["code"]) for finding in found.to_pylist()]


def known_of(template: Template, size: int, **found: Sequence[Record | int | None]) -> Known:
    """For each lookup one entry per row: the record that matches, None, or how many match if several do."""
    return {name: _known(lookup.fields, found.get(name, [None] * size)) for name, lookup in template.lookups.items()}


def _known(fields: Sequence[str], entries: Sequence[Record | int | None]) -> pa.Table:
    records = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    matches = [entry if isinstance(entry, int) else int(entry is not None) for entry in entries]
    columns = [pa.array([record.get(name) for record in records], _kind(name)) for name in fields]
    return pa.table([pa.array(matches, pa.int64()), *columns], names=["matches", *fields])


def _kind(name: str) -> pa.DataType:
    if name == "placeholder":
        return pa.bool_()
    numbers = name == "id" or (name.endswith("_id") and name not in _TEXT_IDS) or name in _NUMBERS
    return pa.int64() if numbers else pa.string()


_TEXT_IDS = ("vcu_id", "device_id", "old_vcu_id", "new_vcu_id", "reporting_id", "motor_id", "bms_id")
_NUMBERS = ("lease_months", "line_number", "highest_line", "company")


def planned(
    template: Template, *cells: Cells, rules: Rules | None = None, **found: Sequence[Record | int | None]
) -> Plan:
    rows = rows_of(template.schema, *cells)
    return template.plan(rows, known_of(template, len(cells), **found), rules or Rules())


def findings(plan: Plan) -> list[tuple[int, str, str, str | None]]:
    """Row, column, code and fact of each finding, by row."""
    return sorted((found["row"], found["column"], found["code"], found["fact"]) for found in plan.findings.to_pylist())


def codes(plan: Plan) -> list[tuple[int, str, str]]:
    return [finding[:3] for finding in findings(plan)]


def writes(plan: Plan, table: str) -> list[Write]:
    """The writes to a table that have rows."""
    return [write for write in plan.writes if write.table == table and write.rows.num_rows]


def inserted(plan: Plan, table: str) -> list[dict[str, object]]:
    return [row for write in writes(plan, table) if not write.key for row in write.rows.to_pylist()]


def updated(plan: Plan, table: str) -> list[dict[str, object]]:
    return [row for write in writes(plan, table) if write.key for row in write.rows.to_pylist()]
