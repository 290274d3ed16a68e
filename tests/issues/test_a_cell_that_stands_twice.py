"""Of two cells with one address the last one was stored, and Excel refuses such a sheet.

And a workbook that declares a kind of macro part, without having one, was said to contain macros.
"""

from __future__ import annotations

import pytest

from formats.workbook.read.preflight import inspect
from tests.support.packages import cell, one_sheet, packed, row
from tests.unit.test_workbook_preflight import GOOD, code, types

FIRST = '<row r="1">' + cell("A1", "Order number") + cell("B1", "IMEI") + "</row>"
STYLED = '<c r="A2" s="1"><v>7</v></c>'


@pytest.mark.parametrize(
    "rows",
    [
        row(2, cell("A2", "a"), cell("A2", "b")),
        row(2, cell("A2", "a"), cell("B2", "b"), cell("A2", "c")),
        row(2, cell("A2", "a")) + row(2, cell("A2", "b")),
        row(2, cell("A2", "a")) + row(3, cell("A2", "b")),
        row(2, cell("A2", "a"), '<c r="A2"><f>B2</f><v>1</v></c>'),
        row(2, cell("A2", "a"), '<c r="A2"/>'),
        row(2, cell("A2", "a"), '<c r="$a$2" t="str"><v>b</v></c>'),
        row(2, cell("A2", "a")) + '<row r="2"><c><v>5</v></c></row>',
        "".join(row(number, cell(f"A{number}", "x")) for number in range(2, 40)) + row(40, cell("A7", "b")),
    ],
)
def test_a_doubled_cell_is_damage(rows: str) -> None:
    [fault] = inspect(packed(one_sheet(FIRST + rows))).faults
    assert fault.code == "WORKBOOK_DAMAGED"
    assert "stands twice" in fault.fact


@pytest.mark.parametrize(
    "rows",
    [
        row(2, cell("A2", "a"), '<c r="B2"/>', cell("C2", "c")),
        row(3, cell("B3", "b"), cell("A3", "a")) + row(2, cell("A2", "a")),
        "<!-- " + row(2, cell("A2", "a")) + " -->" + row(2, cell("A2", "a")),
        '<row><c><v>1</v></c><c><v>2</v></c></row><row><c r="A3"><v>1</v></c></row>',
        row(2, '<c r="AA2"><v>1</v></c>', '<c r="A22"><v>1</v></c>'),
    ],
)
def test_every_other_order_is_none(rows: str) -> None:
    assert inspect(packed(one_sheet(FIRST + rows))).faults == ()


MACROS = "application/vnd.ms-office.vbaProject"


@pytest.mark.parametrize(
    "declared",
    [
        f'<Default Extension="bin" ContentType="{MACROS}"/>',
        f'<Override PartName="/xl/vbaProject.bin" ContentType="{MACROS}"/>',
        '<Override PartName="/xl/macrosheets/sheet9.xml" ContentType="application/vnd.ms-excel.macrosheet+xml"/>',
    ],
)
def test_a_declaration_without_its_part_is_no_macro(declared: str) -> None:
    assert code(packed(GOOD | {"[Content_Types].xml": types(more=declared)})) == ""


@pytest.mark.parametrize(
    ("declared", "part"),
    [
        (f'<Default Extension="bin" ContentType="{MACROS}"/>', "xl/x.bin"),
        (f'<Override PartName="/xl/x%2Ebin" ContentType="{MACROS}"/>', "xl/x.bin"),
        (f'<Override PartName="/XL/X.dat" ContentType="{MACROS}"/>', "xl/x.dat"),
    ],
)
def test_a_part_that_is_declared_as_one_is(declared: str, part: str) -> None:
    assert code(packed(GOOD | {"[Content_Types].xml": types(more=declared), part: b"\x00"})) == "WORKBOOK_MACROS"
