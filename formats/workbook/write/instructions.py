"""The sheet that tells staff how to fill in a template and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from xlsxwriter.worksheet import Worksheet

from formats.rules import Rules
from formats.template import CLEAR, Template
from formats.workbook.layout import INSTRUCTIONS_SHEET, SAMPLE_MARK, heading, sheet_name
from formats.workbook.write import wording
from formats.workbook.write.book import Book, checked, put, put_row

_WIDTHS = (26, 11, 44, 40, 26, 40)
_HEADINGS = ("Column", "Must be filled", "What it holds", "Form", "Example", "Allowed values")
_LINE = 15.5  # points
_PROSE = sum(_WIDTHS[1:])


@dataclass(frozen=True)
class UploadLimits:
    """What one upload may have; an installation may set it (`[uploads]` in muster.toml)."""

    max_rows: int = 200_000
    max_bytes: int = 50_000_000


DEFAULT_LIMITS = UploadLimits()


def advice(template: Template, rules: Rules, limits: UploadLimits) -> Sequence[tuple[str, str]]:
    """What staff should know, each with its catchword."""
    return (
        ("Fill in", f"Type or paste your rows into the sheet '{sheet_name(template.schema)}', one record a row."),
        ("Star *", "A column with a star (dark heading) must be filled in every row. The others may stay blank."),
        ("Blank cells", "A blank cell keeps the value that is on record."),
        (CLEAR, f"Write {CLEAR} into a cell to empty the value on record."),
        (SAMPLE_MARK, f"The grey row that begins with {SAMPLE_MARK} is passed over. Leave it, or type over it."),
        ("Headings", "Do not rename, add or delete headings. You may sort, filter and delete rows."),
        ("Long numbers", "The columns are formatted as text, so that Excel does not round long numbers or drop zeros "
         "in front. Paste as values."),
        ("Limits", f"At most {limits.max_rows:,} rows and {limits.max_bytes / 1e6:g} MB a file; .xlsx, CSV or TSV; "
         "no macros, no password, no links to other files."),
        ("What comes back", "This workbook, with three more columns: Result, What is wrong, What to do. A wrong row "
         "never holds up the good ones. Correct the failed rows and send them again."),
        *((f"Note {number}", hint) for number, hint in enumerate(template.hints, 1)),
        *((f"Rule {number}", rule) for number, rule in enumerate(wording.rule_texts(template.schema), 1)),
    )  # fmt: skip


def instructions_sheet(book: Book, template: Template, rules: Rules, limits: UploadLimits) -> Worksheet:
    """Add the sheet."""
    sheet = book.sheet(INSTRUCTIONS_SHEET)
    for index, size in enumerate(_WIDTHS):
        checked(sheet.set_column(index, index, size, book.styles["text"]), "a width")
    put(sheet, 0, 0, template.title, book.styles["title"])
    sheet.set_row(0, 28)
    _prose(sheet, 1, template.purpose, book, first=0)
    row = 3
    for label, text in advice(template, rules, limits):
        put(sheet, row, 0, label, book.styles["label"])
        _prose(sheet, row, text, book, first=1)
        row += 1
    row = _columns_table(book, sheet, template, rules, row + 1)
    put(sheet, row + 1, 0, f"Template {template.name}, version {template.version}", book.styles["text"])
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    return sheet


def _columns_table(book: Book, sheet: Worksheet, template: Template, rules: Rules, row: int) -> int:
    put(sheet, row, 0, "The columns", book.styles["chapter"])
    row += 1
    put_row(sheet, row, _HEADINGS, book.styles["head"])
    sheet.set_row(row, _LINE * 2)
    for column in template.schema.columns:
        row += 1
        texts = (
            heading(column),
            "yes" if column.required else "",
            column.description,
            wording.form(column, rules),
            "" if column.secret else column.example,
            wording.allowed_text(column, rules),
        )
        put_row(sheet, row, texts, book.styles["box"])
        sheet.set_row(row, _LINE * max(map(lines, texts, _WIDTHS)))
    return row + 1


def _prose(sheet: Worksheet, row: int, text: str, book: Book, first: int) -> None:
    """A text across the columns; merged cells do not grow by themselves."""
    checked(sheet.merge_range(row, first, row, len(_WIDTHS) - 1, "", book.styles["wrapped"]), "a wide cell")
    put(sheet, row, first, text, book.styles["wrapped"])
    sheet.set_row(row, _LINE * lines(text, _PROSE))


def lines(text: str, characters: int) -> int:
    """How many lines a wrapped text takes, rather one too many."""
    return sum(max(1, ceil(len(part) / characters)) for part in text.split("\n")) or 1
