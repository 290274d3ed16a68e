"""Workbooks as we write them: in memory, the same bytes for the same input, and nothing in them is ever live.

Texts are written as texts only: no formula, no link, whatever they begin with. XlsxWriter reports what it
refuses by a return code, so every call here is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from io import BytesIO

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from formats.template import Template
from formats.workbook.layout import LISTS_SHEET, TEMPLATE_PROPERTY, column_letters
from formats.workbook.write.styles import Styles

MAX_TEXT = 32_767
"""Characters Excel allows in a cell."""

CUT = " … (cut)"

_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_CREATED = datetime(2000, 1, 1)  # noqa: DTZ001  # XlsxWriter wants it naive; fixed, so that bytes repeat
_TEMPLATE_NAME = "Muster_template"
_TITLE_LENGTH, _MESSAGE_LENGTH = 32, 255  # of input and error messages


class Book:
    """One workbook that is being written."""

    def __init__(self, template: Template, title: str) -> None:
        self._buffer = BytesIO()
        self.workbook = Workbook(self._buffer, _OPTIONS)
        self.styles = Styles(self.workbook)
        self._lists: dict[tuple[str, ...], str] = {}
        version = f"{template.name}/{template.version}"
        self.workbook.set_properties({"title": title, "author": "Muster", "created": _CREATED})
        self.workbook.set_custom_property(TEMPLATE_PROPERTY, version, "text")
        self._define(_TEMPLATE_NAME, f'="{version}"')
        self.workbook.defined_names[-1][3] = True  # hidden

    def sheet(self, name: str) -> Worksheet:
        return self.workbook.add_worksheet(name)

    def list_name(self, values: Sequence[str]) -> str:
        """The defined name of a list on the hidden sheet: literal lists of over 255 characters are refused."""
        key = tuple(values)
        if key not in self._lists:
            self._lists[key] = f"Muster_list_{len(self._lists) + 1}"
        return self._lists[key]

    def close(self) -> bytes:
        """The bytes of the workbook, which is done with."""
        sheet = self.sheet(LISTS_SHEET)
        sheet.hide()
        for column, (values, name) in enumerate(self._lists.items()):
            letters = column_letters(column)
            self._define(name, f"='{LISTS_SHEET}'!${letters}$1:${letters}${len(values)}")
            for row, value in enumerate(values):
                put(sheet, row, column, value, self.styles["text"])
        for column, style in enumerate(self.styles, len(self._lists)):
            checked(sheet.write_blank(0, column, None, style), "a style")  # a style no cell has gets no number
        self.workbook.close()
        return self._buffer.getvalue()

    def _define(self, name: str, formula: str) -> None:
        checked(self.workbook.define_name(name, formula), f"the name {name}")


def checked(code: int | None, what: str) -> None:
    """Raises ValueError if XlsxWriter refused something: it would be missing from the workbook."""
    if code:
        raise ValueError(f"XlsxWriter refused {what}: {code}")


def fit(text: str, limit: int = MAX_TEXT, mark: str = CUT) -> str:
    """The text, cut with a mark if it is too long: Excel counts UTF-16 units."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    if len(encoded) <= 2 * limit:
        return text
    return encoded[: 2 * (limit - len(mark))].decode("utf-16-le", "ignore") + mark


def put(sheet: Worksheet, row: int, column: int, text: str, style: Format) -> None:
    """Write a text as a text, whatever it looks like. Row and column count from 0."""
    if text:
        checked(sheet.write_string(row, column, fit(text), style), "a text")
    else:
        checked(sheet.write_blank(row, column, None, style), "an empty cell")


def put_row(sheet: Worksheet, row: int, texts: Iterable[str], style: Format) -> None:
    """Write texts side by side, from the first column on."""
    for column, text in enumerate(texts):
        put(sheet, row, column, text, style)


def message(title: str, text: str) -> dict[str, str]:
    """Options of an input message; longer ones are refused."""
    return {"input_title": fit(title, _TITLE_LENGTH, "…"), "input_message": fit(text, _MESSAGE_LENGTH, "…")}


def error(title: str, text: str) -> dict[str, str]:
    """Options of an error message."""
    return {"error_title": fit(title, _TITLE_LENGTH, "…"), "error_message": fit(text, _MESSAGE_LENGTH, "…")}
