"""The data sheet of a template: headings, notes, drop-downs, formats. An answered workbook has the same one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xlsxwriter.worksheet import Worksheet

from formats.rules import Rules
from formats.schema import Column, Kind
from formats.template import CLEAR, Template
from formats.workbook.layout import FIRST_DAY, HEADING_ROW, LAST_DAY, SAMPLE_MARK, column_letters, heading, sheet_name
from formats.workbook.write import wording
from formats.workbook.write.book import Book, checked, error, message, put
from formats.workbook.write.styles import Look

FIRST_ROW = HEADING_ROW  # below the heading, counted from 0 as XlsxWriter does
LAST_ROW = 1_048_575
NOTE = {"author": "Muster", "font_size": 9, "font_name": "Calibri", "color": "#FFFBE6"}
_WIDTHS = {Kind.DATE: 13, Kind.INTEGER: 11, Kind.DECIMAL: 11, Kind.MOMENT: 22, Kind.IMEI: 18, Kind.MAC: 19}
_LINE_HEIGHT = 16


def data_sheet(book: Book, template: Template, lists: Mapping[str, Sequence[str]], rules: Rules) -> Worksheet:
    """Add the sheet with everything but rows: every cell below a heading has its column's format and checks."""
    sheet = book.sheet(sheet_name(template.schema))
    columns = template.schema.columns
    for index, column in enumerate(columns):
        put(sheet, 0, index, heading(column), book.styles["required" if column.required else "optional"])
        options = NOTE | {"x_scale": 2.2, "y_scale": 1.7}
        checked(sheet.write_comment(0, index, wording.note(column, rules), options), "a note")
        size = width(column) if index else max(width(column), len(f"{SAMPLE_MARK}: {column.example}") + 2)
        checked(sheet.set_column(index, index, size, book.styles.cell(column.kind)), "a width")
        _add_checks(sheet, book, index, column, lists.get(column.offers, ()), rules)
    sheet.set_row(0, _LINE_HEIGHT * 2 + 4)
    sheet.freeze_panes(HEADING_ROW, 1)
    _grey_the_sample(sheet, book, len(columns))
    sheet.ignore_errors({"number_stored_as_text": f"A1:{column_letters(len(columns) + 2)}{LAST_ROW + 1}"})
    _print_settings(sheet, template)
    return sheet


def width(column: Column) -> int:
    """Wide enough for the example and for the heading on two lines."""
    words = heading(column).split()
    longest = max([*map(len, words), (len(heading(column)) + 1) // 2 + 2])
    return max(_WIDTHS.get(column.kind, 10), min(max(longest, len(column.example)) + 4, 40))


def _add_checks(sheet: Worksheet, book: Book, index: int, column: Column, offered: Sequence[str], rules: Rules) -> None:
    values = wording.allowed(column, rules)
    if values or offered:
        options = _drop_down(book, column, values or offered, binding=bool(values))
    elif column.kind is Kind.DATE:
        options = _date_check(index, column)
    else:
        return
    checked(sheet.data_validation(FIRST_ROW, index, LAST_ROW, index, options), f"the check of {column.name}")


def _drop_down(book: Book, column: Column, values: Sequence[str], binding: bool) -> dict[str, object]:
    """What may be emptied also offers CLEAR. A list of the registry only warns: a new value may be meant."""
    offered = tuple(values) if column.required else (*values, CLEAR)
    text = "Choose one of the listed values." if binding else "This value is not on record. Keep it all the same?"
    return {
        "validate": "list",
        "source": f"={book.list_name(offered)}",
        "error_type": "stop" if binding else "warning",
        **error(column.heading, text),
    }


def _date_check(index: int, column: Column) -> dict[str, object]:
    """A day without a time; where a value may be emptied, CLEAR as well."""
    cell = f"{column_letters(index)}{FIRST_ROW + 1}"
    other = "FALSE" if column.required else f'{cell}="{CLEAR}"'
    text = "Enter a whole date without a time, such as 2026-03-05."
    first, last = (f"DATE({day:%Y},{day.month},{day.day})" for day in (FIRST_DAY, LAST_DAY))
    return {
        "validate": "custom",
        "value": f"=IF(ISNUMBER({cell}),AND({cell}>={first},{cell}<={last},{cell}=INT({cell})),{other})",
        **message(column.heading, text),
        **error(column.heading, text),
    }


def _grey_the_sample(sheet: Worksheet, book: Book, columns: int) -> None:
    """By a conditional format, so that a row typed over the sample is not grey any more."""
    options = {
        "type": "formula",
        "criteria": f'=LEFT($A{FIRST_ROW + 1},{len(SAMPLE_MARK)})="{SAMPLE_MARK}"',
        "format": book.styles.conditional(Look.SAMPLE),
    }
    checked(sheet.conditional_format(FIRST_ROW, 0, LAST_ROW, columns - 1, options), "the look of the sample")


def _print_settings(sheet: Worksheet, template: Template) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    name = template.title.replace("&", "&&")
    checked(sheet.set_footer(f"&L{name}, version {template.version}&RPage &P of &N"), "the footer")
