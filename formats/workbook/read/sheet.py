"""From the workbook that came in to rows the judge can judge, and findings for what spreadsheets did to them.

`open_sheet` refuses the workbook as a whole, or gives a `Sheet`; `judged` puts both kinds of
findings together so that each cell has one message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats.facts import with_facts, with_rule_facts
from formats.findings import CATALOGUE, Severity
from formats.judge import judge
from formats.schema import AnyGiven, RecordSchema
from formats.template import ROW_FINDINGS, Faults, Rows, Rules, Template
from formats.workbook.layout import HEADING_ROW, SAMPLE_MARK, column_letters, sheet_name
from formats.workbook.read.cells import read_cells
from formats.workbook.read.choice import others, why_none
from formats.workbook.read.column import Mask, mask_of
from formats.workbook.read.grid import Grid, Mark, Workbook, filled
from formats.workbook.read.heading import HeadingFault, heading_faults, headings, headings_below, in_order, unnamed

_WHOLE_FILE = 0  # the row of findings about the file


@dataclass(frozen=True)
class RefusedSheet:
    """The workbook is refused before any row. `findings`: ROW_FINDINGS, row 0 for the file, 1 for its heading."""

    findings: pa.Table

    @property
    def refuses(self) -> bool:
        """Whether there is an error among them."""
        return any(CATALOGUE[code].severity is Severity.ERROR for code in self.findings["code"].to_pylist())


@dataclass(frozen=True)
class Sheet:
    """The rows as the judge wants them.

    `table`: the schema's columns as canonical text, null where empty, cleared or faulty, and `row`, the
    sheet's row number (int64). `cleared`: one boolean column per schema column, and `faulty` where a cell got an
    error. `findings`: ROW_FINDINGS.
    `passed`: rows without an error so far. `read`: rows of the table; `samples`: sample rows passed over.
    """

    table: pa.Table
    cleared: pa.Table
    faulty: pa.Table
    findings: pa.Table
    passed: pa.BooleanArray
    read: int
    samples: int


def open_sheet(template: Template, workbook: Workbook, rules: Rules) -> Sheet | RefusedSheet:
    """The rows of `workbook`, read as `template` is filled in."""
    schema, grid = template.schema, workbook.grid
    refusal = _refusal(template, workbook)
    if refusal or grid is None:
        return _whole(refusal, _WHOLE_FILE)
    about_heading = _whole(_heading_faults(schema, grid), HEADING_ROW)
    if about_heading.refuses:
        return about_heading
    grid = in_order(schema, grid)
    grid = grid.where(pc.and_(pc.greater(grid.rows, HEADING_ROW), filled(grid)))
    sample = pc.starts_with(pc.utf8_ltrim_whitespace(grid.text(0)), SAMPLE_MARK)
    samples = pc.sum(sample).as_py() or 0
    grid = grid.where(pc.invert(sample))
    if not grid.table.num_rows:
        return _whole([HeadingFault("SHEET_EMPTY", None, workbook.sheet)], _WHOLE_FILE)
    return _read(schema, workbook, grid, rules, samples, about_heading.findings)


def judged(schema: RecordSchema, sheet: Sheet) -> tuple[pa.Table, pa.BooleanArray]:
    """All findings (ROW_FINDINGS, by row) and the rows that passed reader and judge.

    A cell that is empty only because its value was refused is not called empty as well.
    """
    verdict = judge(schema, sheet.table.select(schema.names), sheet.table.column("row").combine_chunks())
    places = np.searchsorted(sheet.table["row"].to_numpy(), verdict.findings["row"].to_numpy())
    doubled = np.zeros(len(places), dtype=bool)
    for name, also in _looked_at(schema).items():
        about = mask_of(pc.equal(verdict.findings["column"], name).combine_chunks())
        faulty = np.any([mask_of(sheet.faulty[column].combine_chunks()) for column in also], axis=0)
        doubled |= about & faulty[places]
    fresh = verdict.findings.filter(pa.array(~doubled))
    fresh = fresh.append_column("fact", pa.nulls(fresh.num_rows, pa.string())).cast(ROW_FINDINGS)
    fresh = with_facts(schema, sheet.table, with_rule_facts(schema, sheet.table, fresh))
    return pa.concat_tables([sheet.findings, fresh]).sort_by("row"), pc.and_(sheet.passed, verdict.passed)


def _looked_at(schema: RecordSchema) -> dict[str, set[str]]:
    """By the column where the judge places a finding: the columns it may be about."""
    columns = {name: {name} for name in schema.names}
    for rule in schema.rules:
        if isinstance(rule, AnyGiven):
            columns[rule.columns[0]].update(rule.columns)
    return columns


def _refusal(template: Template, workbook: Workbook) -> list[HeadingFault]:
    """What speaks against the file as a whole, before a look at its rows."""
    if workbook.faults:
        return [HeadingFault(fault.code, None, fault.fact) for fault in workbook.faults]
    name, _, version = workbook.template.partition("/")
    if name and name != template.name:
        return [HeadingFault("TEMPLATE_OTHER", None, f"it is the template {name!r}, not {template.name!r}")]
    if name and version != str(template.version):
        return [HeadingFault("TEMPLATE_OUTDATED", None, f"version {version}, now {template.version}")]
    if workbook.grid is None:
        return [HeadingFault("SHEET_MISSING", None, why_none(workbook.sheets, sheet_name(template.schema)))]
    if not workbook.grid.table.num_rows:
        return [HeadingFault("SHEET_EMPTY", None, workbook.sheet)]
    return []


def _heading_faults(schema: RecordSchema, grid: Grid) -> list[HeadingFault]:
    below = headings_below(schema, grid)
    if below is not None:
        return [HeadingFault("HEADING_NOT_FIRST", None, f"they stand in row {below}")]
    found = headings(grid)
    merged = [
        HeadingFault("EXCEL_MERGED", None, f"{column_letters(at)}{HEADING_ROW}")
        for at in range(len(found))
        if grid.marks(at)[HEADING_ROW - 1] == Mark.MERGED
    ]
    return merged or heading_faults(schema, found, unnamed(grid, found))


def _whole(faults: Sequence[HeadingFault], row: int) -> RefusedSheet:
    columns = [
        pa.array([row] * len(faults), pa.int64()),
        pa.array([fault.column for fault in faults], pa.string()),
        pa.array([fault.code for fault in faults], pa.string()),
        pa.array([fault.fact or None for fault in faults], pa.string()),
    ]
    return RefusedSheet(pa.table(columns, schema=ROW_FINDINGS))


def _read(
    schema: RecordSchema, workbook: Workbook, grid: Grid, rules: Rules, samples: int, about_heading: pa.Table
) -> Sheet:
    numbers, size = grid.rows, len(grid.rows)
    faults = Faults(Rows(pa.table({"row": numbers}), pa.table({})))
    values: list[pa.Array] = []
    cleared: list[pa.Array] = []
    faulty: list[pa.Array] = []
    for at, column in enumerate(schema.columns):
        report = partial(_report, faults, column.name)
        read = read_cells(column, grid, at, rules, workbook.date1904, report)
        for parts, part in zip((values, cleared, faulty), read, strict=True):
            parts.append(pa.array(part))
    faults.add("EXCEL_HIDDEN_ROW", "", grid.hidden)
    for code, mark in (("ROW_QUOTES", Mark.QUOTES), ("ROW_COLUMNS", Mark.CELLS)):
        faults.add(code, "", pa.array(grid.marks(0) == mark), grid.shown(0))
    table = pa.table([*values, numbers], names=[*schema.names, "row"])
    findings = pa.concat_tables([about_heading, _about_sheet(schema, workbook, grid), _without_column(faults.findings)])
    return Sheet(
        table=table,
        cleared=pa.table(cleared, names=list(schema.names)),
        faulty=pa.table(faulty, names=list(schema.names)),
        findings=findings.sort_by("row"),
        passed=faults.passed,
        read=size,
        samples=samples,
    )


def _report(faults: Faults, column: str, code: str, mask: Mask, fact: pa.StringArray | None) -> None:
    faults.add(code, column, pa.array(mask), fact)


def _without_column(findings: pa.Table) -> pa.Table:
    """A finding about a whole row has no column."""
    column = findings["column"]
    bare = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    return findings.set_column(1, ROW_FINDINGS.field("column"), bare)


def _about_sheet(schema: RecordSchema, workbook: Workbook, grid: Grid) -> pa.Table:
    """Warnings: what was guessed of a text, sheets that were not read, hidden columns."""
    remarks = [HeadingFault(remark.code, None, remark.fact) for remark in workbook.remarks]
    stray = [HeadingFault("SHEET_STRAY", None, name) for name in others(workbook.sheets, workbook.sheet)]
    hidden = [
        HeadingFault("EXCEL_HIDDEN_COLUMN", name, f"column {column_letters(at)}")
        for at, name in enumerate(schema.names)
        if any(first <= at <= last for first, last in grid.hidden_columns)
    ]
    return pa.concat_tables([_whole(remarks + stray, _WHOLE_FILE).findings, _whole(hidden, HEADING_ROW).findings])
