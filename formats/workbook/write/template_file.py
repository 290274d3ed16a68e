"""The template as staff download it: the sheet to fill in, and a sheet that says how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

from xlsxwriter.worksheet import Worksheet

from formats.rules import Rules
from formats.schema import Column, Kind
from formats.template import Template
from formats.workbook.layout import SAMPLE_MARK
from formats.workbook.write.book import Book, checked, put
from formats.workbook.write.data_sheet import FIRST_ROW, data_sheet
from formats.workbook.write.instructions import DEFAULT_LIMITS, UploadLimits, instructions_sheet


def write_template(
    template: Template, lists: Mapping[str, Sequence[str]], rules: Rules, limits: UploadLimits = DEFAULT_LIMITS
) -> bytes:
    """The blank template. `lists`: the registry's values for the columns with `offers`, by the list's name.

    The sheets are not protected: protection would keep staff from sorting, filtering and deleting rows, and a
    heading that was changed is found and named when the workbook is read.
    """
    book = Book(template, template.title)
    sheet = data_sheet(book, template, lists, rules)
    checked(sheet.autofilter(0, 0, FIRST_ROW, len(template.schema.columns) - 1), "the filter")
    _write_sample(book, sheet, template.schema.columns)
    instructions_sheet(book, template, rules, limits)
    sheet.activate()
    sheet.set_selection(FIRST_ROW + 1, 0, FIRST_ROW + 1, 0)
    return book.close()


def _write_sample(book: Book, sheet: Worksheet, columns: Sequence[Column]) -> None:
    for index, column in enumerate(columns):
        style = book.styles.cell(column.kind)
        if column.kind is Kind.DATE and index and column.example:
            day = datetime.combine(date.fromisoformat(column.example), time())
            checked(sheet.write_datetime(FIRST_ROW, index, day, style), "a date")
        else:
            put(sheet, FIRST_ROW, index, f"{SAMPLE_MARK}: {column.example}" if not index else column.example, style)
