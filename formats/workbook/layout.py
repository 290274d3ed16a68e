"""What the writers and the reader of workbooks agree on."""

from __future__ import annotations

from datetime import date

from formats.schema import Column, RecordSchema

INSTRUCTIONS_SHEET = "Read me"
LISTS_SHEET = "Lists"  # hidden: the values of the drop-downs
SUMMARY_SHEET = "Summary"  # of an answered workbook
OWN_SHEETS = (INSTRUCTIONS_SHEET, LISTS_SHEET, SUMMARY_SHEET)

HEADING_ROW = 1
SAMPLE_MARK = "EXAMPLE"
"""A row whose first cell begins with this word is the sample: it is passed over."""

STAR = " *"
"""Behind the heading of a column that must be filled."""

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2099, 12, 31)
"""No day before or after is taken, however it is written: 1905-07-18 is what Excel makes of 2026 alone."""

TEMPLATE_PROPERTY = "Muster template"
"""Custom document property: `<name>/<version>` of the template the workbook was made from."""

ANSWER_COLUMNS = ("Result", "What is wrong", "What to do")
"""Behind the template's columns in an answered workbook; a corrected one may be dropped again with or without them."""


def heading(column: Column) -> str:
    """The heading as the template shows it."""
    return column.heading + (STAR if column.required else "")


def sheet_name(schema: RecordSchema) -> str:
    """The name of the data sheet: the template's title."""
    return schema.title[:31]


def column_letters(index: int) -> str:
    """`A` for 0, `AA` for 26."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def address(schema: RecordSchema, name: str | None, row: int) -> str:
    """`C17`: the cell of a column in a row; the whole row (`17`) without a column of the schema."""
    if name is None or name not in schema.names:
        return str(row)
    return f"{column_letters(schema.names.index(name))}{row}"
