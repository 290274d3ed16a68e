"""A number format showed 000012345, 2.19E+07 or 18.50 %, and 12345, 21900000 and 0.185 were stored without a word.

What a numeric cell shows is compared with what it holds; where they differ in a column in which the text matters,
the row is not taken, and the finding says both.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from formats.findings import CATALOGUE, Severity
from formats.rules import Rules
from formats.template import Template
from formats.templates import template
from formats.workbook.layout import heading, sheet_name
from formats.workbook.read.inspection import WorkbookLimits
from formats.workbook.read.number_form import general, shown, tells
from formats.workbook.read.reading import read_workbook
from formats.workbook.read.sheet import Sheet, judged, open_sheet
from tests.support.grids import CALM

Written = Mapping[str, tuple[float, str]]


def told(chosen: Template, cells: Written) -> dict[str, list[tuple[str, str | None]]]:
    """By column: code and fact of what is found at numbers written with their formats."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet(sheet_name(chosen.schema))
        for at, column in enumerate(chosen.schema.columns):
            sheet.write_string(0, at, heading(column))
            if column.name in cells:
                number, form = cells[column.name]
                sheet.write_number(1, at, number, book.add_format({"num_format": form}))
            else:
                sheet.write_string(1, at, column.example)
    workbook = read_workbook(buffer.getvalue(), sheet_name(chosen.schema), WorkbookLimits())
    found = open_sheet(chosen, workbook, Rules())
    assert isinstance(found, Sheet)
    findings, _ = judged(chosen.schema, found)
    return {
        name: [(item["code"], item["fact"]) for item in findings.to_pylist() if item["column"] == name]
        for name in cells
    }


@pytest.mark.parametrize(
    ("name", "column", "number", "form", "code", "fact"),
    [
        ("enrolment_order", "serial_number", 12345, "00000000", "EXCEL_ZEROS_LOST", "shown as 00012345, kept as 12345"),
        ("enrolment_order", "asset_tag", 42, "000000", "EXCEL_ZEROS_LOST", "shown as 000042, kept as 42"),
        ("customers", "pin_code", 1001, "00000", "EXCEL_ZEROS_LOST", "shown as 01001, kept as 1001"),
        ("customers", "account", 219e5, "0.00E+00", "EXCEL_EXPONENT", "shown as 2.19E+07, kept as 21900000"),
        ("customers", "account", 1e12, "General", "EXCEL_EXPONENT", "shown as 1E+12, kept as 1000000000000"),
        ("enrolment_order", "model", 1e12, "General", "EXCEL_EXPONENT", "shown as 1E+12, kept as 1000000000000"),
        ("enrolment_order", "imei", 356938035643809, "0.00E+00", "EXCEL_ROUNDED", None),
        ("enrolment_order", "imei", 356938000000000, "0", "EXCEL_ROUNDED", None),
        ("customers", "account", 0.5, "General", "EXCEL_VALUE_MADE", "0.5"),
        ("customers", "account", 0.5, "# ?/?", "EXCEL_SHOWN_OTHERWISE", "shown as 1/2, kept as 0.5"),
        ("customers", "account", 0.5, "0%", "EXCEL_PERCENT", "shown as 50%, kept as 0.5"),
        ("customers", "name", 1234, "#,##0", "EXCEL_SHOWN_OTHERWISE", "shown as 1,234, kept as 1234"),
        ("customers", "name", 7, '"Site "0', "EXCEL_SHOWN_OTHERWISE", "shown as Site 7, kept as 7"),
        ("customers", "name", 1.1, "0.00", "EXCEL_SHOWN_OTHERWISE", "shown as 1.10, kept as 1.1"),
        ("customers", "name", 7, ";;;", "EXCEL_SHOWN_OTHERWISE", "shown as , kept as 7"),
        ("customers", "phone", 9876543210, "00000000000", "EXCEL_ZEROS_LOST", None),
        ("locations", "latitude", 0.185, "0.00%", "EXCEL_PERCENT", "shown as 18.50%, kept as 0.185"),
        ("locations", "latitude", 18500, "0.0,", "EXCEL_SHOWN_OTHERWISE", "shown as 18.5, kept as 18500"),
        ("locations", "latitude", 18.52043, "0.00", "EXCEL_SHOWN_SHORTER", "shown as 18.52, kept as 18.52043"),
        ("enrolment_order", "line_number", 0.03, "0%", "EXCEL_PERCENT", "shown as 3%, kept as 0.03"),
    ],
)
def test_a_number_that_shows_something_else(
    name: str, column: str, number: float, form: str, code: str, fact: str | None
) -> None:
    [(found, said)] = told(template(name), {column: (number, form)})[column]
    assert found == code
    assert fact is None or said == fact


@pytest.mark.parametrize(
    ("name", "column", "number", "form"),
    [
        ("enrolment_order", "serial_number", 12345, "0"),
        ("enrolment_order", "serial_number", 12345, "00000"),
        ("enrolment_order", "serial_number", 123456789012, "General"),
        ("enrolment_order", "imei", 490154203237518, "General"),
        ("enrolment_order", "imei", 490154203237518, "00 000000 000000 0"),
        ("customers", "phone", 919876543210, "+00 00000 00000"),
        ("customers", "pin_code", 411001, "000000"),
        ("locations", "latitude", 18.5, "0.0000"),
        ("locations", "latitude", -18.5, "0.0;(0.0)"),
        ("enrolment_order", "line_number", 1200, "#,##0"),
        ("enrolment_order", "line_number", 7, "000"),
    ],
)
def test_a_number_that_shows_what_it_holds(name: str, column: str, number: float, form: str) -> None:
    assert told(template(name), {column: (number, form)})[column] == []


def test_a_style_without_a_number_and_a_default_that_tells() -> None:
    """The first style is that of cells that name none."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.formats[0].set_num_format(9)  # 0%
        book.add_worksheet("Sheet").write_number(0, 0, 42)
    grid = read_workbook(buffer.getvalue(), "Sheet", WorkbookLimits()).grid
    assert grid is not None
    assert (grid.text(0).to_pylist(), grid.shown(0).to_pylist()) == (["42"], ["4200%"])


@CALM
@given(st.integers(0, 10**15 - 1), st.integers(1, 15))
def test_zeros_show_what_they_pad(number: int, width: int) -> None:
    assert shown("0" * width, number) == str(number).zfill(width)
    assert shown("#,##0", number) == f"{number:,}"
    assert shown("0%", number) == f"{number * 100}%"


@CALM
@given(st.decimals(min_value=-(10**6), max_value=10**6, places=4), st.integers(0, 4))
def test_decimals_show_their_places(number: Decimal, places: int) -> None:
    rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    expected = f"{rounded:f}" if rounded else f"{abs(rounded):f}"
    assert shown("0" + "." * (places > 0) + "0" * places, float(number)) == expected


@CALM
@given(st.text('0#?.,%Ee+-/;"\\_*[]<>= @Ax$()Red', max_size=20), st.floats(allow_nan=False, allow_infinity=False))
def test_any_format_shows_something(form: str, number: float) -> None:
    if tells(form):
        assert shown(form, number).strip() == shown(form, number)


@CALM
@given(st.integers(1, 10**15 - 1))
def test_general_shows_an_exponent_only_where_it_says_all(number: int) -> None:
    exponent = general(number)
    assert exponent is None or float(exponent) == number


def test_every_new_code_has_its_weight() -> None:
    errors = ("EXCEL_PERCENT", "EXCEL_SHOWN_OTHERWISE", "EXCEL_DATE_IMPLAUSIBLE")
    assert {CATALOGUE[code].severity for code in errors} == {Severity.ERROR}
    assert {CATALOGUE[code].severity for code in ("EXCEL_SHOWN_SHORTER", "CELL_RESPELLED")} == {Severity.WARNING}
