"""Messages that sent people looking: nobody finds an en dash in `CEH–0001` by being told that it is no serial number.

The character and its place are named, an error by its name, and what is no fault is none.
"""

from __future__ import annotations

import pytest

from formats.rules import Rules
from formats.workbook.read.grid import Mark
from tests.support.packages import cell, one_sheet, packed, row
from tests.unit.test_workbook_reading import read as grid_of
from tests.unit.test_workbook_sheet import read

FREE = Rules()


@pytest.mark.parametrize(
    ("name", "text", "fact"),
    [
        ("order_no", "CEH\u20130001", "en dash (U+2013) at 4"),
        ("order_no", "CEH\u20110001", "hyphen (U+2010) at 4"),
        ("order_no", "\u0421EH0001", "cyrillic capital letter es (U+0421) at 1"),
        ("order_no", "SN\u039f1", "greek capital letter omicron (U+039F) at 3"),
        ("imei", "35387923\u20144252633", "em dash (U+2014) at 9"),
        ("phone", "+91 98765\u201343210", "en dash (U+2013) at 10"),
        ("meid", "\u0410000004F7C2C19", "cyrillic capital letter a (U+0410) at 1"),
    ],
)
def test_a_look_alike_is_named(name: str, text: str, fact: str) -> None:
    assert read(name, text)[1] == [("CELL_CHARACTERS", fact)]


@pytest.mark.parametrize("name", ["#REF!", "#N/A", "#DIV/0!"])
def test_an_error_is_named(name: str) -> None:
    grid = grid_of(packed(one_sheet(row(1, f'<c r="A1" t="e"><f>X1</f><v>{name}</v></c>'))))
    assert (int(grid.marks(0)[0]) & 15, grid.shown(0)[0].as_py()) == (Mark.ERROR, name)
    assert read("note", ("", Mark.ERROR, name), FREE)[1] == [("EXCEL_ERROR_CELL", name)]
    assert read("note", name, FREE)[1] == [("EXCEL_ERROR_CELL", name)]


def test_nothing_is_to_be_unmerged_where_nothing_is_merged() -> None:
    rows = row(1, cell("A1", "x"), cell("B1", "y")) + row(2, cell("A2", "x"))
    merged = '<mergeCells><mergeCell ref="A2:A2"/><mergeCell ref="B1"/></mergeCells>'
    grid = grid_of(packed(one_sheet(rows, after=merged)))
    assert [int(mark) for at in (0, 1) for mark in grid.marks(at)] == [Mark.TEXT, Mark.TEXT, Mark.TEXT, Mark.EMPTY]


@pytest.mark.parametrize("text", ["+91 (0) 22", "+91 (0) 22 6655-4433", "+44 (20) 7946.0958"])
def test_a_telephone_number_is_no_formula(text: str) -> None:
    assert read("note", text, FREE) == (text, [])


@pytest.mark.parametrize("text", ["+A1*(2)", "+1+(2)", "-2+3", "+91|x", "+cmd|' /C calc'!A0", "+9*(2)"])
def test_what_acts_is_one(text: str) -> None:
    assert read("note", text, FREE)[1] == [("CELL_FORMULA_TEXT", text)]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("price", "+18.5", "18.5"),
        ("price", ".5", "0.5"),
        ("price", "-.5", "-0.5"),
        ("price", "+.5", "0.5"),
        ("price", "\u221218.5", "-18.5"),
        ("price", "\u2212.25", "-0.25"),
        ("pieces", "+7", "7"),
        ("pieces", "+007", "7"),
    ],
)
def test_numbers_as_people_write_them(name: str, text: str, value: str) -> None:
    assert read(name, text) == (value, [])


@pytest.mark.parametrize("text", ["+", ".", "+-5", "++5", "1.5.2", "10²", "½"])
def test_no_numbers(text: str) -> None:
    assert [code for code, _ in read("price", text)[1]] == ["CELL_NUMBER"]
