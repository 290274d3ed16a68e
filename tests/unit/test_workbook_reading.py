"""The values of a sheet: text and mark of each cell, exact to the digit, whoever wrote the workbook."""

from __future__ import annotations

import contextlib
import io
import math
import random
import struct
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from formats.workbook.read.grid import FORMULA, Grid, Mark, Workbook, decode, encode, filled
from formats.workbook.read.inspection import Fault, WorkbookLimits
from formats.workbook.read.reading import plain, read_workbook
from tests.support.grids import CALM
from tests.support.packages import SPREADSHEET, cell, one_sheet, packed, parts, row, sheet_xml

T, N, R, D = Mark.TEXT, Mark.NUMBER, Mark.ROUNDED, Mark.DATE


def read(data: bytes, title: str = "Sales", **limits: int) -> Grid:
    workbook = read_workbook(data, title, WorkbookLimits(**limits))
    assert workbook.faults == ()
    assert workbook.grid is not None
    return workbook.grid


def cells(grid: Grid, number: int) -> list[tuple[str, int]]:
    """Text and mark of each cell of a row."""
    return [(grid.text(at)[number - 1].as_py(), int(grid.marks(at)[number - 1])) for at in range(grid.width)]


def written(rows: str, **more: Any) -> Grid:
    return read(packed(one_sheet(rows, **more)))


def xlsxwriter_book(*values: Any, form: str = "") -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Sales")
        style = book.add_format({"num_format": form}) if form else None
        for at, value in enumerate(values):
            sheet.write(0, at, value, style)
    return buffer.getvalue()


def test_numbers_keep_their_digits() -> None:
    values = (353879234252633, 12.97, -0.5, 1e-7, 0, 999_999_999_999_999, 5e-324)
    assert cells(read(xlsxwriter_book(*values)), 1) == [
        ("353879234252633", N),
        ("12.97", N),
        ("-0.5", N),
        ("0.0000001", N),
        ("0", N),
        ("999999999999999", N),
        (format(Decimal("5e-324"), "f"), N),
    ]


def test_numbers_that_excel_cannot_keep_are_marked() -> None:
    rows = row(
        1,
        '<c r="A1"><v>8944110068123456789</v></c>',
        '<c r="B1"><v>1E+15</v></c>',
        '<c r="C1"><v>0.30000000000000004</v></c>',
        '<c r="D1"><v>1E400</v></c>',
        '<c r="E1"><v>3.5387923425263299E+14</v></c>',
        '<c r="F1"><v>1.1000000000000001</v></c>',
    )
    assert cells(written(rows), 1) == [
        ("8944110068123457000", R),
        ("1000000000000000", R),
        ("0.30000000000000004", R),
        ("inf", R),
        ("353879234252633", N),
        ("1.1", N),
    ]


@CALM
@given(st.floats())
def test_a_printed_number_is_the_same_number(number: float) -> None:
    text, exact = plain(number)
    if math.isfinite(number):
        assert float(text) == number
        assert "e" not in text.lower()
        assert not exact or len(Decimal(text).normalize().as_tuple().digits) <= 15
    else:
        assert not exact


@CALM
@given(st.binary(min_size=8, max_size=8))
def test_any_eight_bytes_print(data: bytes) -> None:
    plain(struct.unpack("<d", data)[0])


@pytest.mark.parametrize(
    ("form", "value", "read_as"),
    [
        ("yyyy-mm-dd", 45356, ("2024-03-05", D)),
        ("dd/mm/yyyy", 45356, ("2024-03-05", D)),
        ("yyyy-mm-dd hh:mm", 45356.5, ("2024-03-05T12:00:00", Mark.DATETIME)),
        ("yyyy-mm-dd", 45356.999999999, ("2024-03-06", D)),
        ("hh:mm", 0.25, ("06:00:00", Mark.TIME)),
        ("[h]:mm", 1.25, ("1 day, 6:00:00", Mark.TIME)),
        ("yyyy-mm-dd", 1e9, ("1000000000", N)),
        ("0.00", 45356, ("45356", N)),
        ("@", 45356, ("45356", N)),
    ],
)
def test_dates_by_their_format(form: str, value: float, read_as: tuple[str, int]) -> None:
    assert cells(read(xlsxwriter_book(value, form=form)), 1) == [read_as]


def test_dates_of_old_macs() -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "date_1904": True}) as book:
        form = book.add_format({"num_format": "yyyy-mm-dd"})
        book.add_worksheet("Sales").write_datetime(0, 0, datetime(2024, 3, 5), form)  # noqa: DTZ001
    workbook = read_workbook(buffer.getvalue(), "Sales", WorkbookLimits())
    assert workbook.date1904
    assert workbook.grid is not None
    assert cells(workbook.grid, 1) == [("2024-03-05", D)]


def test_texts_stay_as_they_are() -> None:
    texts = ["+4479", "0044", "NA", "null", "=cmd|x", " a ", "_x0041_", "1E5", "a\u202eb", "x" * 300]
    assert cells(read(xlsxwriter_book_of_texts(texts)), 1) == [(text, T) for text in texts]


def xlsxwriter_book_of_texts(texts: list[str]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Sales")
        for at, text in enumerate(texts):
            sheet.write_string(0, at, text)
    return buffer.getvalue()


def test_escaped_characters_are_what_they_stand_for() -> None:
    grid = written(row(1, cell("A1", "a_x0000_b"), cell("B1", "_x005F_x0000_"), cell("C1", "x&#10;&amp;_x000D_")))
    assert [text for text, _ in cells(grid, 1)] == ["a\x00b", "_x0000_", "x\n&\r"]


def test_formulas_keep_their_last_result() -> None:
    rows = row(
        1,
        '<c r="A1"><f>1+1</f><v>2</v></c>',
        '<c r="B1"><f>1+1</f></c>',
        '<c r="C1" t="str"><f>X</f><v>a</v></c>',
        '<c r="D1" t="e"><f>X</f><v>#N/A</v></c>',
        '<c r="E1" t="b"><f>X</f><v>1</v></c>',
        '<c r="F1"><f t="array" ref="F1:G1">X</f><v>1</v></c>',
        '<c r="G1"><v>5</v></c>',
        '<c r="H1" t="e"><v>#REF!</v></c>',
        '<c r="I1"><v>7</v></c>',
    )
    assert cells(written(rows), 1) == [
        ("2", N | FORMULA),
        ("", FORMULA),
        ("a", T | FORMULA),
        ("", Mark.ERROR | FORMULA),
        ("TRUE", Mark.BOOL | FORMULA),
        ("1", N | FORMULA),
        ("5", N | FORMULA),
        ("", Mark.ERROR),
        ("7", N),
    ]


def test_merged_cells_are_marked_in_every_row() -> None:
    rows = "".join(row(number, *(cell(f"{letter}{number}", "x") for letter in "ABC")) for number in (1, 2, 3))
    grid = written(rows, after='<mergeCells><mergeCell ref="B2:C9"/><mergeCell ref="AA1:AB2"/></mergeCells>')
    assert cells(grid, 1) == [("x", T)] * 3
    for number in (2, 3):
        assert cells(grid, number) == [("x", T), ("x", Mark.MERGED), ("x", Mark.COVERED)]


def test_hidden_rows_and_columns_are_told() -> None:
    rows = row(1, cell("A1", "x")) + '<row r="3" hidden="1">' + cell("A3", "y") + "</row>"
    grid = written(rows, before='<cols><col min="1" max="1" hidden="1"/><col min="3" max="16384" hidden="1"/></cols>')
    assert grid.rows.to_pylist() == [1, 2, 3]
    assert grid.hidden.to_pylist() == [False, False, True]
    assert grid.hidden_columns == ((0, 0),)
    assert filled(grid).to_pylist() == [True, False, True]


def test_cells_without_addresses_and_out_of_order() -> None:
    rows = '<row r="2"><c><v>1</v></c><c r="D2"><v>4</v></c><c><f>X</f><v>5</v></c><c r="B2"><v>2</v></c></row>'
    rows += '<row><c t="b"><v>0</v></c></row>'
    grid = written(rows)
    assert [text for text, _ in cells(grid, 2)] == ["1", "2", "", "4", "5"]
    assert cells(grid, 2)[4] == ("5", N | FORMULA)
    assert cells(grid, 3)[0] == ("FALSE", Mark.BOOL)


def test_prefixes_and_the_strict_namespace_change_nothing() -> None:
    plain_xml = sheet_xml(row(1, cell("A1", "x"), '<c r="B1"><v>5</v></c>'))
    prefixed = plain_xml.replace("<", "<x:").replace("<x:/", "</x:").replace("<x:?", "<?").replace("xmlns=", "xmlns:x=")
    strict = plain_xml.replace(SPREADSHEET, "http://purl.oclc.org/ooxml/spreadsheetml/main")
    for xml in (plain_xml, prefixed, strict):
        assert cells(read(packed(parts(("Sales", xml)))), 1) == [("x", T), ("5", N)]


def test_strict_dates_are_dates() -> None:
    grid = written(row(1, '<c r="A1" t="d"><v>2024-03-05</v></c>', '<c r="B1" t="d"><v>2024-03-05T12:30:00</v></c>'))
    assert cells(grid, 1) == [("2024-03-05", D), ("2024-03-05T12:30:00", Mark.DATETIME)]


def test_a_file_without_rows_gives_an_empty_grid() -> None:
    grid = written("")
    assert (grid.width, grid.table.num_rows, filled(grid).to_pylist()) == (0, 0, [])


def test_openpyxl_writes_the_same() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Sales"
    noon = datetime(2024, 3, 5, 12, 0)  # noqa: DTZ001  # spreadsheets know no zones
    sheet.append(["A-1", 353879234252633, date(2024, 3, 5), noon, time(6), True, "=1+1", None, 0.5])
    sheet.append([timedelta(hours=30), "é"])
    buffer = io.BytesIO()
    book.save(buffer)
    grid = read(buffer.getvalue())
    assert cells(grid, 1) == [
        ("A-1", T),
        ("353879234252633", N),
        ("2024-03-05", D),
        ("2024-03-05T12:00:00", Mark.DATETIME),
        ("06:00:00", Mark.TIME),
        ("TRUE", Mark.BOOL),
        ("", FORMULA),
        ("", Mark.EMPTY),
        ("0.5", N),
    ]
    assert cells(grid, 2)[:2] == [("1 day, 6:00:00", Mark.TIME), ("é", T)]


def some_sheet(text: str) -> str:
    return sheet_xml(row(1, cell("A1", text)))


@pytest.mark.parametrize(
    ("sheets", "read_sheet"),
    [
        ([("Hidden", "veryHidden"), ("Sales", "visible"), ("Old", "visible")], "Sales"),
        ([("Old", "visible"), (" sales ", "visible")], " sales "),
        ([("Hidden", "veryHidden"), ("Old", "visible"), ("Read me", "visible")], "Old"),
        ([("Sales", "veryHidden"), ("Old", "visible")], ""),
        ([("Sales", "hidden")], ""),
        ([("Old", "visible"), ("New", "visible")], ""),
    ],
)
def test_the_sheet_that_is_meant_is_read(sheets: list[tuple[str, str]], read_sheet: str) -> None:
    workbook = read_workbook(
        packed(parts(*((name, some_sheet(name), state) for name, state in sheets))), "Sales", WorkbookLimits()
    )
    assert (workbook.sheet, workbook.faults) == (read_sheet, ())
    if read_sheet:
        assert workbook.grid is not None
        assert cells(workbook.grid, 1) == [(read_sheet.strip(), T)]
    else:
        assert workbook.grid is None


def test_more_rows_than_one_block() -> None:
    rows = "".join(row(number, f'<c r="A{number}"><v>{number}</v></c>') for number in range(1, 40_001))
    grid = written(rows)
    assert grid.text(0).to_pylist() == [str(number) for number in range(1, 40_001)]


def test_what_the_scan_did_not_see_is_refused_when_it_is_read() -> None:
    """A plain cell that is placed outside its row, in front of others, is not counted by the pre-flight."""
    rows = row(1, cell("A900", "x"), cell("A1", "x"))
    (fault,) = read_workbook(packed(one_sheet(rows)), "Sales", WorkbookLimits(rows=100)).faults
    assert fault.code == "WORKBOOK_TOO_MANY_ROWS"
    wide = row(1, cell("ZZ1", "x"), cell("A1", "x"))
    (fault,) = read_workbook(packed(one_sheet(wide)), "Sales", WorkbookLimits()).faults
    assert fault.code == "WORKBOOK_TOO_WIDE"


@pytest.mark.parametrize(
    "bad", [b'<c r="A1" t="s"><v>9</v></c>', b'<c r="A1" t="s"><v>x</v></c>', b'<c r="A1"><v>1&x;</v></c>']
)
def test_a_sheet_calamine_cannot_read_is_damage(bad: bytes) -> None:
    book = one_sheet("<row/>")
    book["xl/worksheets/sheet1.xml"] = book["xl/worksheets/sheet1.xml"].replace(b"<row/>", b"<row>" + bad + b"</row>")
    workbook = read_workbook(packed(book), "Sales", WorkbookLimits())
    assert [fault.code for fault in workbook.faults] in ([], ["WORKBOOK_DAMAGED"])
    if not workbook.faults:
        assert workbook.grid is not None
        assert [text for text, _ in cells(workbook.grid, 1)] in ([""], ["x"])


# --- the message between the processes -------------------------------------------------------


def test_a_workbook_travels_unchanged() -> None:
    rows = row(1, cell("A1", "é"), '<c r="B1"><v>1</v></c>') + '<row r="2" hidden="1"><c r="B2"><f>X</f></c></row>'
    sent = read_workbook(
        packed(one_sheet(rows, before='<cols><col min="2" max="2" hidden="1"/></cols>')), "x", WorkbookLimits()
    )
    got = decode(encode(sent).to_pybytes())
    assert (got.sheets, got.sheet, got.faults, got.template) == (sent.sheets, sent.sheet, (), "")
    assert sent.grid is not None
    assert got.grid is not None
    assert got.grid.table.equals(sent.grid.table)
    assert got.grid.hidden_columns == sent.grid.hidden_columns == ((1, 1),)


def test_a_refusal_travels_unchanged() -> None:
    sent = Workbook(faults=(Fault("WORKBOOK_MACROS", "xl/vbaProject.bin"),))
    assert decode(encode(sent).to_pybytes()) == sent


def test_a_message_is_checked_before_it_is_believed() -> None:
    message = encode(read_workbook(packed(one_sheet(row(1, cell("A1", "x")))), "x", WorkbookLimits())).to_pybytes()
    for bad in (
        b"",
        b"nonsense",
        message[:100],
        message.replace(b'"width": 1', b'"width": 2'),
        message.replace(b"text0", b"text9"),
    ):
        with pytest.raises(ValueError, match=r"message|columns|cell"):
            decode(bad)


def test_a_message_with_other_bytes_than_text_is_refused() -> None:
    message = encode(
        read_workbook(packed(one_sheet(row(1, cell("A1", "mark here")))), "x", WorkbookLimits())
    ).to_pybytes()
    for bad in (
        message.replace(b"mark here", b"mark \xff\xfere"),
        message.replace(b'"sheets": [[', b'"sheets": [["A",'),
    ):
        with pytest.raises(ValueError):  # noqa: PT011  # Arrow's own, or unpacking's
            decode(bad)


def test_a_message_with_flipped_bits_is_refused_or_read() -> None:
    rows = row(1, cell("A1", "x"), '<c r="B1"><v>1</v></c>')
    message = encode(read_workbook(packed(one_sheet(rows)), "x", WorkbookLimits())).to_pybytes()
    dice = random.Random(3)
    for _ in range(800):
        flipped = bytearray(message)
        flipped[dice.randrange(len(message))] ^= 1 << dice.randrange(8)
        with contextlib.suppress(ValueError):
            decode(bytes(flipped))
