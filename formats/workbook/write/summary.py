"""The sheet that begins an answered workbook: which file it is of, what came of it, and what was found, by kind."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter.worksheet import Worksheet

from formats.findings import CATALOGUE, FindingKind, Severity
from formats.schema import Kind, RecordSchema
from formats.template import Template
from formats.workbook.layout import HEADING_ROW, SUMMARY_SHEET, address
from formats.workbook.write.answered import AnsweredWorkbook, RowState
from formats.workbook.write.book import Book, checked, put, put_row
from formats.workbook.write.instructions import lines
from formats.workbook.write.styles import Look

_WIDTHS = (18, 12, 24, 46, 46, 30)
_HEADINGS = ("Kind", "How many", "Where", "What is wrong", "What to do", "Code")
_LINE = 15.5  # points
_SHOWN_CELLS = 5
_SHOWN_FAULTS = 200
_DRY_RUN = "DRY RUN: the file was checked only. Nothing was changed, and nothing will be until it is sent for real."
_REFUSED = "No row of this file was taken. Nothing was changed."

MAX_NOTES = 2_000
"""Cells with a note; further ones are coloured, and the columns behind the row say it all."""

_LEGEND = (
    (Look.ERROR, "bold, framed", f"This value is wrong. Its note says why (up to {MAX_NOTES:,} notes)."),
    (Look.WARNING, "italic, dotted", "A warning: the value was taken; check that it was read as you meant it."),
    (Look.FAILED, "Failed", "Nothing of the row was taken. Correct it and send it again."),
    (Look.PASSED, "Passed", "The row was taken: new or changed."),
    (Look.UNCHANGED, "unchanged", "The row says what was on record already."),
    (Look.HIDDEN, "", "A secret: it is never shown or given back. Enter it again if you correct the row."),
)


def summary_sheet(book: Book, template: Template, answer: AnsweredWorkbook) -> Worksheet:
    """Add the sheet."""
    sheet = book.sheet(SUMMARY_SHEET)
    for index, size in enumerate(_WIDTHS):
        checked(sheet.set_column(index, index, size, book.styles["text"]), "a width")
    put(
        sheet,
        0,
        0,
        "Dry run: answered workbook" if answer.dry_run else f"Answered workbook of upload {answer.number}",
        book.styles["title"],
    )
    sheet.set_row(0, 28)
    row = 1
    for text in _leads(answer):
        checked(sheet.merge_range(row, 0, row, len(_WIDTHS) - 1, "", book.styles["alert"]), "a wide cell")
        put(sheet, row, 0, text, book.styles["alert"])
        sheet.set_row(row, _LINE * lines(text, sum(_WIDTHS)) + 4)
        row += 1
    for label, text in _facts(template, answer):
        row += 1
        put(sheet, row, 0, label, book.styles["label"])
        checked(sheet.merge_range(row, 1, row, 3, "", book.styles["wrapped"]), "a wide cell")
        put(sheet, row, 1, text, book.styles["wrapped"])
        sheet.set_row(row, _LINE * lines(text, sum(_WIDTHS[1:4])))
    row = _findings_table(book, sheet, template.schema, answer, row + 2)
    if not answer.refused:
        _legend(book, sheet, row + 2)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    return sheet


def _leads(answer: AnsweredWorkbook) -> Iterator[str]:
    if answer.dry_run:
        yield _DRY_RUN
    if answer.refused:
        yield _REFUSED
    yield from answer.notes


def _facts(template: Template, answer: AnsweredWorkbook) -> Iterator[tuple[str, str]]:
    yield from (
        ("Status", answer.status),
        ("File", answer.file_name),
        ("Template", f"{template.title} ({template.name}, version {template.version})"),
        ("Sent by", answer.uploader),
        ("Received", answer.received_at),
        ("Finished", answer.finished_at),
    )
    if answer.refused:
        return
    counts = answer.counts()
    new, changed, unchanged = (counts[state] for state in (RowState.NEW, RowState.CHANGED, RowState.UNCHANGED))
    would = "would be " if answer.dry_run else ""
    passed = new + changed + unchanged
    yield "Data rows", f"{passed + counts[RowState.FAILED] + counts[RowState.UNJUDGED]:,}"
    yield "Passed", f"{passed:,}: {would}new {new:,}, {would}changed {changed:,}, unchanged {unchanged:,}"
    yield "Failed", f"{counts[RowState.FAILED]:,}"
    if counts[RowState.UNJUDGED]:
        yield "Not checked", f"{counts[RowState.UNJUDGED]:,}"


def _findings_table(book: Book, sheet: Worksheet, schema: RecordSchema, answer: AnsweredWorkbook, row: int) -> int:
    found = [*_of_the_file(schema, answer.of_the_file()), *_of_rows(schema, answer.of_rows())]
    if not found:
        put(sheet, row, 0, "Nothing was found wrong.", book.styles["chapter"])
        return row
    put(sheet, row, 0, "What was found", book.styles["chapter"])
    row += 1
    put_row(sheet, row, _HEADINGS, book.styles["head"])
    for texts in found:
        row += 1
        put_row(sheet, row, texts, book.styles["box"])
        sheet.set_row(row, _LINE * max(map(lines, texts, _WIDTHS)))
    return row


def _legend(book: Book, sheet: Worksheet, row: int) -> None:
    put(sheet, row, 0, "How to read the sheet", book.styles["chapter"])
    for step, (look, sample, text) in enumerate(_LEGEND, 1):
        put(sheet, row + step, 0, sample, book.styles.cell(Kind.TEXT, look))
        put(sheet, row + step, 1, text, book.styles["text"])


def _of_the_file(schema: RecordSchema, findings: pa.Table) -> Iterator[tuple[str, ...]]:
    """Each fault of the file or its heading; a flood of them is cut short."""
    for item in findings.slice(0, _SHOWN_FAULTS).to_pylist():
        yield _line(CATALOGUE[item["code"]], 1, _place(schema, item["row"], item["column"]), item["fact"])
    if findings.num_rows > _SHOWN_FAULTS:
        yield ("", f"{findings.num_rows - _SHOWN_FAULTS:,}", "", "Further faults, not listed", "", "")


def _of_rows(schema: RecordSchema, findings: pa.Table) -> Iterator[tuple[str, ...]]:
    """One line for each code, the most frequent first."""
    for count in sorted(pc.value_counts(findings["code"]).to_pylist(), key=lambda item: -item["counts"]):
        kind, times = CATALOGUE[count["values"]], count["counts"]
        these = findings.filter(pc.equal(findings["code"], kind.code)).slice(0, _SHOWN_CELLS).to_pylist()
        cells = ", ".join(_place(schema, item["row"], item["column"]) for item in these)
        yield _line(kind, times, cells + (" …" if times > len(these) else ""), None)


def _line(kind: FindingKind, times: int, place: str, fact: str | None) -> tuple[str, ...]:
    word = "Warning" if kind.severity is Severity.WARNING else "Error"
    return (word, f"{times:,}", place, kind.title + (f" ({fact})" if fact else ""), kind.remedy, kind.code)


def _place(schema: RecordSchema, row: int, column: str | None) -> str:
    known = column in schema.names
    if row > HEADING_ROW:
        return address(schema, column, row) if known else f"row {row}"
    if known:
        return f"{address(schema, column, HEADING_ROW)} {schema.column(str(column)).heading}"
    return column or ("the heading" if row == HEADING_ROW else "the file")
