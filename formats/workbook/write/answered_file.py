"""The answered workbook: the submitter's own one back, each cell where it was, with what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
from xlsxwriter.worksheet import Worksheet

from formats.schema import Kind
from formats.template import Template
from formats.workbook.layout import ANSWER_COLUMNS, HEADING_ROW
from formats.workbook.write.answered import AnsweredWorkbook, RowState
from formats.workbook.write.answered_texts import cell_notes
from formats.workbook.write.book import Book, checked, fit, put
from formats.workbook.write.data_sheet import NOTE, data_sheet
from formats.workbook.write.instructions import lines
from formats.workbook.write.painting import Painted, Painter
from formats.workbook.write.sheet_xml import SheetRows, with_rows
from formats.workbook.write.styles import Look
from formats.workbook.write.summary import MAX_NOTES, summary_sheet

_LOOKS = {
    RowState.NEW: Look.PASSED,
    RowState.CHANGED: Look.PASSED,
    RowState.UNCHANGED: Look.UNCHANGED,
    RowState.FAILED: Look.FAILED,
    RowState.SAMPLE: Look.SAMPLE,
    RowState.UNJUDGED: Look.PLAIN,
}
_PLAIN = dict.fromkeys(RowState, Look.PLAIN)
_ANSWER_WIDTHS = (20, 56, 50)
_LINE, _MOST_LINES = 15, 27  # points; Excel allows rows of 409


def write_answered(template: Template, answer: AnsweredWorkbook) -> bytes:
    """A summary, and the submitter's sheet with its rows in their places.

    Cells of secret columns are hatched instead of shown. They are empty: a mask would be taken for the secret when the
    corrected answer is sent again. After a refusal of the whole file there is the summary alone.
    """
    book = Book(template, f"Answered workbook: {template.title}")
    summary = summary_sheet(book, template, answer)
    summary.activate()
    if answer.refused:
        return book.close()
    return _with_data(book, template, answer, _LOOKS)


def write_failed(template: Template, answer: AnsweredWorkbook) -> bytes:
    """The failed rows alone, as the submitter wrote them, to be corrected and sent again."""
    mask = answer.states() == RowState.FAILED
    book = Book(template, f"Failed rows: {template.title}")
    return _with_data(book, template, answer.only(mask), _PLAIN, answer.row_numbers.filter(pa.array(mask)))


def _with_data(
    book: Book,
    template: Template,
    answer: AnsweredWorkbook,
    looks: Mapping[RowState, Look],
    origins: pa.Int64Array | None = None,
) -> bytes:
    sheet = data_sheet(book, template, answer.lists, answer.rules)
    rows = answer.row_numbers
    columns = template.schema.columns
    for index, (title, size) in enumerate(zip(ANSWER_COLUMNS, _ANSWER_WIDTHS, strict=True), len(columns)):
        put(sheet, 0, index, title, book.styles["answer"])
        checked(sheet.set_column(index, index, size, book.styles.cell(Kind.TEXT, wrapped=True)), "a width")
    last = rows[-1].as_py() if len(rows) else HEADING_ROW
    checked(sheet.autofilter(0, 0, last - 1, len(columns) + len(ANSWER_COLUMNS) - 1), "the filter")
    painted = Painter(book.styles, answer, looks, origins).columns(template.schema)
    _write_notes(sheet, template, answer)
    part = f"xl/worksheets/sheet{book.workbook.worksheets().index(sheet) + 1}.xml"
    package = book.close()
    return with_rows(package, part, SheetRows(rows, _heights(painted), [column.finished() for column in painted]))


def _heights(painted: Sequence[Painted]) -> pa.Int64Array:
    """Of the rows with something to say; a spreadsheet program would not make room for wrapped texts by itself."""
    wrong, remedy = (column.texts.to_pylist() for column in painted[-2:])
    _, *widths = _ANSWER_WIDTHS
    heights = [
        _LINE * min(_MOST_LINES, max(lines(text or "", width) for text, width in zip(texts, widths, strict=True)))
        if any(texts)
        else None
        for texts in zip(wrong, remedy, strict=True)
    ]
    return pa.array(heights, pa.int64())


def _write_notes(sheet: Worksheet, template: Template, answer: AnsweredWorkbook) -> None:
    for row, column, text in cell_notes(template.schema, answer, MAX_NOTES):
        size = {"width": 320, "height": 24 + 15 * lines(text, 50)}
        checked(sheet.write_comment(row - 1, column, fit(text), NOTE | size), "a note")
