"""From the bytes of a workbook to rows that were judged, or to the reason why the file is refused."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import RecordSchema
from formats.template import ROW_FINDINGS, Rows, Template
from formats.templates import template as template_of
from formats.workbook.layout import HEADING_ROW, sheet_name
from formats.workbook.read.grid import Grid, filled
from formats.workbook.read.heading import in_order
from formats.workbook.read.sheet import RefusedSheet, Sheet, judged, open_sheet
from formats.workbook.write.answered import cells_schema
from jobs.context import Exchange
from jobs.upload import Upload
from jobs.work import Subject


class UploadRefused(Exception):
    """The file may not be applied at all. `findings` (ROW_FINDINGS) say why, the gravest first."""

    def __init__(self, findings: pa.Table) -> None:
        super().__init__(", ".join(findings["code"].unique().to_pylist()))
        self.findings = findings


@dataclass(frozen=True)
class Checked:
    """A workbook that may be applied: its rows, which of them passed the judge, and every finding so far.

    `written`: the cells as the submitter wrote them, `row` and the template's columns.
    """

    schema: RecordSchema
    rows: Rows
    passed: pa.BooleanArray
    findings: pa.Table
    written: pa.Table

    @property
    def table(self) -> pa.Table:
        """The rows as the reporter validates them."""
        return self.rows.table.select(self.schema.names)

    def findings_of(self, start: int, numbers: pa.ChunkedArray) -> pa.Table:
        """Those of a chunk's rows; those of the file belong to the first chunk."""
        ours = pc.is_in(self.findings["row"], value_set=numbers.combine_chunks())
        if start == 0:
            everywhere = pc.is_in(self.findings["row"], value_set=self.rows.numbers)
            ours = pc.or_(ours, pc.invert(everywhere))
        return self.findings.filter(ours)


def read_upload(exchange: Exchange, template: Template, data: bytes) -> Checked:
    """Read in a guarded process of its own, then judge. Raises UploadRefused."""
    sheet, grid = _opened(exchange, template, data)
    findings, passed = judged(template.schema, sheet)
    return Checked(
        schema=template.schema,
        rows=Rows(sheet.table, sheet.cleared),
        passed=passed,
        findings=findings,
        written=_written(template.schema, grid),
    )


def written_cells(exchange: Exchange, upload: Upload) -> pa.Table:
    """The cells of an archived workbook as the submitter wrote them. Raises UploadRefused."""
    template = template_of(upload.template)
    _, grid = _opened(exchange, template, exchange.archive.read_plaintext(upload.sha256))
    return _written(template.schema, grid)


def upload_subject(exchange: Exchange, upload: Upload) -> Subject:
    """The rows of an archived workbook, for the reporter. Raises UploadRefused."""
    template = template_of(upload.template)
    sheet, _ = _opened(exchange, template, exchange.archive.read_plaintext(upload.sha256))
    return Subject(upload.file_name, template.schema, sheet.table.select(template.schema.names))


def _opened(exchange: Exchange, template: Template, data: bytes) -> tuple[Sheet, Grid]:
    workbook = exchange.uploads.workbooks.read(data, sheet_name(template.schema))
    sheet = open_sheet(template, workbook, exchange.uploads.rules.rules)
    if isinstance(sheet, RefusedSheet) or workbook.grid is None:
        raise UploadRefused(sheet.findings)
    return sheet, workbook.grid


def _written(schema: RecordSchema, grid: Grid) -> pa.Table:
    """Every filled row below the heading, the sample row among them; empty cells are null."""
    grid = in_order(schema, grid)
    kept = grid.where(pc.and_(pc.greater(grid.rows, HEADING_ROW), filled(grid)))
    cells = [
        pc.if_else(pc.equal(kept.text(at), ""), pa.scalar(None, pa.string()), kept.text(at))
        for at in range(len(schema.columns))
    ]
    return pa.table([kept.rows, *cells], schema=cells_schema(schema))


def refused(code: str, fact: str | None = None) -> pa.Table:
    """The finding that refuses a file."""
    return pa.table([[0], [None], [code], [fact]], schema=ROW_FINDINGS)
