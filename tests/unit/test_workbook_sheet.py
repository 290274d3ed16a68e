"""From a grid to rows: which sheet, which rows, what each cell becomes and what is said about it."""

from __future__ import annotations

import dataclasses
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.findings import CATALOGUE, Severity
from formats.template import ROW_FINDINGS, Rules
from formats.workbook.layout import OWN_SHEETS
from formats.workbook.read.grid import FORMULA, Mark, SheetName, Workbook
from formats.workbook.read.inspection import Fault
from formats.workbook.read.sheet import RefusedSheet, Sheet, judged, open_sheet
from tests.support.grids import CALM, HEADINGS, SALES, TEMPLATE, Cell, book, grid

RULES = Rules(lists={"notes": ("Demo", "Stock")})
GOOD: dict[str, Cell] = {"order_no": "A-1", "imei": "353879234252633", "pin": "012345"}


def line(**cells: Cell) -> list[Cell]:
    return [cells.get(name, "") for name in SALES.names]


def sheet(*rows: list[Cell], hidden: tuple[int, ...] = (), rules: Rules = RULES, date1904: bool = False) -> Sheet:
    workbook = dataclasses.replace(book(grid([list(HEADINGS), *rows], hidden)), date1904=date1904)
    found = open_sheet(TEMPLATE, workbook, rules)
    assert isinstance(found, Sheet)
    assert found.findings.schema == ROW_FINDINGS
    return found


def told(table: pa.Table) -> list[tuple[int, str | None, str, str | None]]:
    return [(found["row"], found["column"], found["code"], found["fact"]) for found in table.to_pylist()]


def read(
    name: str, cell: Cell, rules: Rules = RULES, date1904: bool = False
) -> tuple[str | None, list[tuple[str, str | None]]]:
    """What one cell becomes, and the findings at it, judge's among them."""
    found = sheet(line(**(GOOD | {name: cell})), rules=rules, date1904=date1904)
    findings, passed = judged(SALES, found)
    here = [(code, fact) for _, column, code, fact in told(findings) if column == name]
    errors = [code for code, _ in here if CATALOGUE[code].severity is Severity.ERROR]
    assert len(errors) <= 1
    assert passed.to_pylist() == [not errors]
    return found.table[name][0].as_py(), here


def refusal(workbook: Workbook) -> list[tuple[int, str | None, str, str | None]]:
    found = open_sheet(TEMPLATE, workbook, RULES)
    assert isinstance(found, RefusedSheet)
    assert found.findings.schema == ROW_FINDINGS
    assert all(CATALOGUE[code].severity is Severity.ERROR for code in found.findings["code"].to_pylist())
    return told(found.findings)


# --- the whole file --------------------------------------------------------------------------


def test_what_the_pre_flight_found_refuses_the_file() -> None:
    faults = (Fault("WORKBOOK_MACROS", "xl/vbaProject.bin"),)
    assert refusal(Workbook(faults)) == [(0, None, "WORKBOOK_MACROS", "xl/vbaProject.bin")]


def test_the_template_of_another_upload_is_refused() -> None:
    good = grid([list(HEADINGS), line(**GOOD)])
    assert refusal(book(good, template="lease/2"))[0][:3] == (0, None, "TEMPLATE_OTHER")
    assert refusal(book(good, template="sale/1"))[0][2:] == ("TEMPLATE_OUTDATED", "version 1, now 2")
    assert refusal(book(good, template="sale"))[0][2] == "TEMPLATE_OUTDATED"
    for template in ("sale/2", ""):
        assert isinstance(open_sheet(TEMPLATE, book(good, template=template), RULES), Sheet)


@pytest.mark.parametrize(
    ("sheets", "fact"),
    [
        ([], "expected a sheet named 'Sales', found no sheet with data"),
        ([("A", True, True), ("B", True, True)], "expected a sheet named 'Sales', found 'A', 'B'"),
        ([("sales", False, True), ("A", True, True)], "the sheet 'Sales' is hidden"),
        ([(OWN_SHEETS[0], True, True), ("A", True, False)], "expected a sheet named 'Sales', found no sheet with data"),
    ],
)
def test_without_the_sheet_the_file_is_refused(sheets: list[tuple[str, bool, bool]], fact: str) -> None:
    workbook = Workbook((), tuple(SheetName(*sheet) for sheet in sheets))
    assert refusal(workbook) == [(0, None, "SHEET_MISSING", fact)]


def test_a_wrong_heading_refuses_the_file_with_every_fault() -> None:
    found = refusal(book(grid([["Order", *HEADINGS[1:], "Colour"], line(**GOOD)])))
    assert found == [
        (1, "order_no", "HEADING_RENAMED", "A1: 'Order' instead of 'Order number'"),
        (1, None, "HEADING_EXTRA", "L1: 'Colour'"),
    ]


def test_merged_headings_refuse_the_file() -> None:
    heading: list[Cell] = [*HEADINGS]
    heading[1:3] = [("IMEI", Mark.MERGED), ("", Mark.COVERED)]
    assert refusal(book(grid([heading, line(**GOOD)]))) == [(1, None, "EXCEL_MERGED", "B1")]


@pytest.mark.parametrize("rows", [[], [[" ", "\n"]], [["EXAMPLE 1", "x"], ["EXAMPLE: 2"]]])
def test_a_sheet_without_rows_is_refused(rows: list[list[Cell]]) -> None:
    assert refusal(book(grid([list(HEADINGS), *rows]))) == [(0, None, "SHEET_EMPTY", "Sales")]
    assert refusal(book(grid([]))) == [(0, None, "SHEET_EMPTY", "Sales")]


def test_other_sheets_are_named_and_not_read() -> None:
    others = [SheetName("Old", True, True), SheetName("Sheet3", True, False), SheetName("Lists", True, True)]
    found = open_sheet(
        TEMPLATE, book(grid([list(HEADINGS), line(**GOOD)]), *others, SheetName("H", False, True)), RULES
    )
    assert told(found.findings) == [(0, None, "SHEET_STRAY", "Old")]


# --- rows ------------------------------------------------------------------------------------


def test_empty_rows_and_sample_rows_are_passed_over_and_numbers_stay_the_sheet_s() -> None:
    found = sheet(
        line(order_no="EXAMPLE A-1"),
        line(),
        line(**GOOD),
        line(note=" \u00a0"),
        line(order_no="A-2", meid="A0000000000001"),
    )
    assert found.table["row"].to_pylist() == [4, 6]
    assert (found.read, found.samples) == (2, 1)
    assert found.table["order_no"].to_pylist() == ["A-1", "A-2"]
    assert found.table.column_names == [*SALES.names, "row"]
    assert found.cleared.column_names == list(SALES.names)


def test_hidden_rows_and_columns_are_read_and_told() -> None:
    cells = grid([list(HEADINGS), line(**GOOD)], hidden=(2,))
    workbook = book(dataclasses.replace(cells, hidden_columns=((1, 2), (20, 99))))
    found = open_sheet(TEMPLATE, workbook, RULES)
    assert isinstance(found, Sheet)
    assert told(found.findings) == [
        (1, "imei", "EXCEL_HIDDEN_COLUMN", "column B"),
        (1, "meid", "EXCEL_HIDDEN_COLUMN", "column C"),
        (2, None, "EXCEL_HIDDEN_ROW", None),
    ]
    assert found.passed.to_pylist() == [True]


def test_a_row_that_holds_only_formulas_is_a_row() -> None:
    found = sheet(line(**GOOD), line(price=("", FORMULA)))
    assert found.read == 2
    assert (3, "price", "EXCEL_FORMULA", None) in told(found.findings)


def test_rows_pass_one_by_one() -> None:
    found = sheet(line(**GOOD), line(**(GOOD | {"imei": ("8944110068123457000", Mark.ROUNDED)})), line(order_no="A-3"))
    findings, passed = judged(SALES, found)
    assert passed.to_pylist() == [True, False, False]
    assert told(findings) == [
        (3, "imei", "EXCEL_ROUNDED", "8944110068123457000"),
        (4, "imei", "DEVICE_UNIDENTIFIED", None),
    ]


def test_a_cell_that_was_refused_is_not_called_empty_as_well() -> None:
    found = sheet(line(order_no=("2024-03-05", Mark.DATE), meid=("", Mark.ERROR)))
    findings, _ = judged(SALES, found)
    assert [(column, code) for _, column, code, _ in told(findings)] == [
        ("order_no", "EXCEL_DATE_MADE"),
        ("meid", "EXCEL_ERROR_CELL"),
    ]


def test_merged_cells_are_told_once_in_each_row() -> None:
    rows = [line(**(GOOD | {"price": ("1", Mark.MERGED), "pieces": ("", Mark.COVERED)})) for _ in range(2)]
    findings, passed = judged(
        SALES, sheet(rows[0], line(**(GOOD | {"imei": ("", Mark.COVERED), "order_no": ("", Mark.MERGED)})))
    )
    assert [(row, column, code) for row, column, code, _ in told(findings)] == [
        (2, "price", "EXCEL_MERGED"),
        (3, "order_no", "EXCEL_MERGED"),
    ]
    assert passed.to_pylist() == [False, False]


# --- cells -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("order_no", " A-1\u00a0", "A-1"),
        ("order_no", ("17", Mark.NUMBER), "17"),
        ("pin", "=12345", "=12345"),
        ("imei", "35 387923 425263-3", "353879234252633"),
        ("imei", ("353879234252633", Mark.NUMBER), "353879234252633"),
        ("sold", ("2024-03-05", Mark.DATE), "2024-03-05"),
        ("sold", "2024-03-05", "2024-03-05"),
        ("seen", ("2024-03-05", Mark.DATE), "2024-03-05T00:00:00Z"),
        ("seen", ("2024-03-05T14:30:00", Mark.DATETIME), "2024-03-05T14:30:00Z"),
        ("seen", "2024-03-05", "2024-03-05T00:00:00Z"),
        ("seen", "2024-03-05T14:30:00Z", "2024-03-05T14:30:00Z"),
        ("price", ("12.97", Mark.NUMBER), "12.97"),
        ("price", ("0.30000000000000004", Mark.ROUNDED), "0.3"),
        ("price", "12.97", "12.97"),
        ("pieces", "007", "7"),
        ("pieces", ("3", Mark.NUMBER), "3"),
        ("state", "used", "Used"),
        ("state", "NEW", "New"),
        ("phone", "098765 43210", "+919876543210"),
        ("phone", ("9876543210", Mark.NUMBER), "+919876543210"),
        ("phone", ("919876543210", Mark.NUMBER), "+919876543210"),
        ("phone", "+44 20 7946 0958", "+442079460958"),
        ("pin", ("123456", Mark.NUMBER), "123456"),
        ("note", "demo", "Demo"),
        ("note", "", None),
        ("imei", "", None),
    ],
)
def test_cells_that_are_fine(name: str, cell: Cell, value: str | None) -> None:
    found, findings = read(name, cell)
    if name == "imei" and value is None:  # the rule across columns
        findings = []
        assert found is None
    assert (found, findings) == (value, [])


@pytest.mark.parametrize(
    ("name", "cell", "code", "fact"),
    [
        ("imei", ("353879234252633000", Mark.ROUNDED), "EXCEL_ROUNDED", "353879234252633000"),
        ("order_no", ("1000000000000000", Mark.ROUNDED), "EXCEL_ROUNDED", "1000000000000000"),
        ("price", ("1000000000000000", Mark.ROUNDED), "EXCEL_ROUNDED", "1000000000000000"),
        ("price", ("inf", Mark.ROUNDED), "EXCEL_ROUNDED", "inf"),
        ("pieces", ("1000000000000000", Mark.ROUNDED), "EXCEL_ROUNDED", "1000000000000000"),
        ("imei", "8.94E+18", "EXCEL_EXPONENT", "8.94E+18"),
        ("imei", "8,94411E+18", "EXCEL_EXPONENT", "8,94411E+18"),
        ("order_no", "9E+14", "EXCEL_EXPONENT", "9E+14"),
        ("price", "1.5E-05", "EXCEL_EXPONENT", "1.5E-05"),
        ("imei", ("12345678901234", Mark.NUMBER), "EXCEL_ZEROS_LOST", "12345678901234"),
        ("pin", ("12345", Mark.NUMBER), "EXCEL_ZEROS_LOST", None),
        ("order_no", ("2024-03-05", Mark.DATE), "EXCEL_DATE_MADE", "2024-03-05"),
        ("note", ("06:00:00", Mark.TIME), "EXCEL_DATE_MADE", "06:00:00"),
        ("pieces", ("2024-03-05", Mark.DATE), "EXCEL_DATE_MADE", "2024-03-05"),
        ("pin", ("2024-03-05", Mark.DATE), "EXCEL_DATE_MADE", None),
        ("sold", ("2024", Mark.NUMBER), "CELL_DAY", "2024"),
        ("sold", ("20240305", Mark.NUMBER), "CELL_DAY", "20240305"),
        ("sold", "soon", "CELL_DAY", "soon"),
        ("sold", ("06:00:00", Mark.TIME), "CELL_DAY", "06:00:00"),
        ("sold", ("TRUE", Mark.BOOL), "CELL_DAY", None),
        ("sold", "2024-02-31", "CELL_DAY", "2024-02-31"),
        ("sold", "05/03/2024", "EXCEL_DATE_UNCLEAR", "05/03/2024"),
        ("sold", ("2024-03-05T14:30:00", Mark.DATETIME), "EXCEL_TIME_IN_DATE", "2024-03-05T14:30:00"),
        ("sold", ("45356.5", Mark.NUMBER), "EXCEL_TIME_IN_DATE", "45356.5"),
        ("sold", "2024-03-05 14:30", "EXCEL_TIME_IN_DATE", "2024-03-05 14:30"),
        ("order_no", ("A-1", Mark.TEXT | FORMULA), "EXCEL_FORMULA", "A-1"),
        ("imei", ("353879234252633", Mark.NUMBER | FORMULA), "EXCEL_FORMULA", None),
        ("price", ("", FORMULA), "EXCEL_FORMULA", None),
        ("price", ("", Mark.ERROR | FORMULA), "EXCEL_ERROR_CELL", None),
        ("note", ("", Mark.ERROR), "EXCEL_ERROR_CELL", None),
        ("order_no", "A\u200b-1", "CELL_CHARACTERS", "a blank without width (U+200B) at 2"),
        ("order_no", "\u202eA-1", "CELL_CHARACTERS", "a mark that turns the writing round (U+202E) at 1"),
        ("note", "De\nmo", "CELL_CHARACTERS", "a line break (U+000A) at 3"),
        ("note", "De\x00mo", "CELL_CHARACTERS", "U+0000 at 3"),
        ("note", "\ufeffDemo", "CELL_CHARACTERS", "a hidden mark (U+FEFF) at 1"),
        ("sold", "2024-03-05\u200f", "CELL_CHARACTERS", "U+200F at 11"),
        ("pin", "1234\x7f56", "CELL_CHARACTERS", None),
        ("order_no", "CLEAR", "CELL_CLEAR_REFUSED", None),
        ("order_no", ("TRUE", Mark.BOOL), "EXCEL_VALUE_MADE", "TRUE"),
        ("order_no", ("1234.5", Mark.NUMBER), "EXCEL_VALUE_MADE", "1234.5"),
        ("phone", ("FALSE", Mark.BOOL), "EXCEL_VALUE_MADE", "FALSE"),
        ("note", '=HYPERLINK("http://x")', "CELL_FORMULA_TEXT", '=HYPERLINK("http://x")'),
        ("note", "@SUM(A1)", "CELL_FORMULA_TEXT", "@SUM(A1)"),
        ("note", "-2+3+cmd|' /C calc'!A0", "CELL_FORMULA_TEXT", "-2+3+cmd|' /C calc'!A0"),
        ("note", "Lost", "CELL_CHOICE", "Lost"),
        ("note", "x" * 300, "CELL_CHOICE", None),
        ("state", "Broken", "CELL_CHOICE", "Broken; allowed: New, Used"),
        ("state", ("2024-03-05", Mark.DATE), "EXCEL_DATE_MADE", "2024-03-05"),
        ("price", "1,200", "CELL_NUMBER", "1,200"),
        ("pieces", ("1.5", Mark.NUMBER), "CELL_INTEGER", "1.5"),
        ("phone", "12", "PHONE_INVALID", "12"),
        ("imei", "353879234252634", "IMEI_INVALID", "353879234252634"),
        ("pin", "12345", "CELL_LENGTH", None),
    ],
)
def test_cells_that_are_refused_have_one_message(name: str, cell: Cell, code: str, fact: str | None) -> None:
    value, findings = read(name, cell)
    assert [found for found, _ in findings] == [code]
    if fact is not None or name == "pin":
        assert findings[0][1] == fact
    if code.startswith("EXCEL_"):
        assert value is None


@pytest.mark.parametrize(
    ("cell", "value"), [(("TRUE", Mark.BOOL), "TRUE"), ("-5 floor", "-5 floor"), ("+4.5", "+4.5"), ("a=b", "a=b")]
)
def test_texts_that_only_look_like_something_else(cell: Cell, value: str) -> None:
    assert read("note", cell, Rules()) == (value, [])


@pytest.mark.parametrize(
    ("name", "cell", "value", "code", "fact"),
    [
        ("sold", ("45356", Mark.NUMBER), "2024-03-05", "EXCEL_SERIAL_DATE", "2024-03-05"),
        ("seen", ("45356.5", Mark.NUMBER), "2024-03-05T12:00:00Z", "EXCEL_SERIAL_DATE", "2024-03-05T12:00:00Z"),
        ("sold", "5 Mar 2024", "2024-03-05", "EXCEL_TEXT_DATE", "2024-03-05"),
        ("sold", "25/12/2024", "2024-12-25", "EXCEL_TEXT_DATE", "2024-12-25"),
        ("seen", "2024/03/05 14:30", "2024-03-05T14:30:00Z", "EXCEL_TEXT_DATE", "2024-03-05T14:30:00Z"),
        ("price", ("2.5", Mark.NUMBER | FORMULA), "2.5", "EXCEL_FORMULA_RESULT", "2.5"),
        ("sold", ("2024-03-05", Mark.DATE | FORMULA), "2024-03-05", "EXCEL_FORMULA_RESULT", "2024-03-05"),
        ("state", ("new", Mark.TEXT | FORMULA), "New", "EXCEL_FORMULA_RESULT", "new"),
        ("order_no", "Ａ－１", "A-1", "CELL_RESPELLED", "read as A-1; fullwidth latin capital letter a (U+FF21) at 1"),
    ],
)
def test_cells_that_are_read_with_a_warning(name: str, cell: Cell, value: str, code: str, fact: str) -> None:
    assert read(name, cell) == (value, [(code, fact)])


def test_serial_dates_of_old_macs() -> None:
    assert read("sold", ("43894", Mark.NUMBER), date1904=True)[0] == "2024-03-05"


def test_clear_empties_a_cell() -> None:
    found = sheet(line(**(GOOD | {"note": " CLEAR ", "sold": "CLEAR", "state": "CLEAR", "phone": "CLEAR"})))
    assert found.table["note"].to_pylist() == found.table["sold"].to_pylist() == [None]
    cleared = [name for name in SALES.names if found.cleared[name][0].as_py()]
    assert cleared == ["sold", "state", "phone", "note"]
    assert judged(SALES, found)[1].to_pylist() == [True]


@pytest.mark.parametrize("word", ["clear", "Clear", "CLEARED", "CLEAR "])
def test_only_the_very_word_clears(word: str) -> None:
    found = sheet(line(**(GOOD | {"order_no": f"{word}-1", "note": word})))
    assert found.cleared["note"].to_pylist() == [word.strip() == "CLEAR"]


def test_a_list_that_is_not_set_allows_any_value() -> None:
    assert read("note", "Lost", rules=Rules()) == ("Lost", [])
    assert read("note", "Lost", rules=Rules(lists={"notes": ()})) == ("Lost", [])


def test_numbers_may_look_like_exponents_when_they_are_names() -> None:
    for name in ("5E10", "1E5", "MVH2E-05", "12E-07"):
        assert read("order_no", name) == (name, [])


@CALM
@given(st.sampled_from(SALES.names), st.text(max_size=30))
def test_any_text_gives_a_clean_value_or_one_message(name: str, text: str) -> None:
    value, findings = read(name, text)
    if value is not None:
        assert value == value.strip() != ""
        assert (
            not findings
            or not findings[0][0].startswith("EXCEL_")
            or CATALOGUE[findings[0][0]].severity is Severity.WARNING
        )
        assert not {unicodedata.category(sign) for sign in value} & {"Cc", "Cf", "Co", "Cs"}


@CALM
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                name: st.tuples(st.sampled_from(["", "1", "2024-03-05", "x", "12.5", "CLEAR"]), st.integers(0, 31))
                for name in SALES.names
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_marks_give_one_message_for_each_cell(rows: list[dict[str, Cell]]) -> None:
    marked = [{name: (cell[0], cell[1] if cell[1] % 16 <= 10 else 1) for name, cell in cells.items()} for cells in rows]
    found = open_sheet(TEMPLATE, book(grid([list(HEADINGS), *(line(**cells) for cells in marked)])), RULES)
    if isinstance(found, RefusedSheet):
        assert told(found.findings) == [(0, None, "SHEET_EMPTY", "Sales")]
        return
    findings, passed = judged(SALES, found)
    errors = [(row, column) for row, column, code, _ in told(findings) if CATALOGUE[code].severity is Severity.ERROR]
    rules = {"DEVICE_UNIDENTIFIED", "ROW_DUPLICATE"}
    single = [
        (row, column)
        for row, column, code, _ in told(findings)
        if CATALOGUE[code].severity is Severity.ERROR and code not in rules
    ]
    assert len(single) == len(set(single))
    failed = {row for row, _ in errors}
    faulty = [any(found.faulty[name][at].as_py() for name in SALES.names) for at in range(found.read)]
    numbers = found.table["row"].to_pylist()
    assert passed.to_pylist() == [number not in failed and not bad for number, bad in zip(numbers, faulty, strict=True)]
