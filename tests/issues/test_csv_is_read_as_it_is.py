"""A CSV file was refused with the advice to save it as a workbook, and that lost the zeros of `0012345`.

CSV and TSV are read as the texts they are, with the same headings and the same rules.
"""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.workbooks.guarded import ChildWorkbooks
from formats.rules import Rules
from formats.templates import template
from formats.workbook.read.grid import Mark, Workbook, decode, encode
from formats.workbook.read.inspection import WorkbookLimits
from formats.workbook.read.reading import read_workbook
from formats.workbook.read.sheet import RefusedSheet, Sheet, judged, open_sheet
from jobs.upload import Counts, UploadState
from tests.support.desk import Desk, desk  # noqa: F401  (a fixture)
from tests.support.grids import CALM, HEADINGS, TEMPLATE
from tests.support.uploads import UploadDesk, location, read_back
from tests.unit.test_workbook_sheet import told

LINES = [
    HEADINGS,
    ["0012345", "353879234252633", "", "2026-03-05", "", "+.5", "", "new", "", "012345", "Müller & Söhne"],
]


def written(rows: list[list[str]] = LINES, delimiter: str = ",") -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    return stream.getvalue()


def read(data: bytes, **limits: int) -> Workbook:
    return read_workbook(data, "Sales", WorkbookLimits(**limits))


def opened(data: bytes) -> Sheet:
    found = open_sheet(TEMPLATE, read(data), Rules())
    assert isinstance(found, Sheet), found
    return found


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_it_is_read_however_it_is_encoded(encoding: str, delimiter: str) -> None:
    found = opened(written(delimiter=delimiter).encode(encoding))
    findings, passed = judged(TEMPLATE.schema, found)
    assert (told(findings), passed.to_pylist()) == ([], [True])
    row = found.table.to_pylist()[0]
    assert (row["order_no"], row["note"], row["price"], row["row"]) == ("0012345", "Müller & Söhne", "0.5", 2)


def test_windows_1252_is_read_and_said() -> None:
    found = opened(written().encode("cp1252"))
    assert found.table["note"].to_pylist() == ["Müller & Söhne"]
    assert told(found.findings) == [(0, None, "TEXT_ENCODING", None)]


def test_a_row_that_cannot_be_taken_apart_spoils_no_other() -> None:
    text = written() + '"A-2,x\n' + "A-3" + "," * 10 + "Road 5, Pune\n" + "A-4,353879234252633\n" + ",\n"
    found = opened(text.encode())
    findings, passed = judged(TEMPLATE.schema, found)
    rows = {row: (code, fact) for row, _, code, fact in told(findings)}
    assert rows[3][0] == "ROW_QUOTES"
    assert rows[4] == ("ROW_COLUMNS", "12 cells instead of 11")
    assert passed.to_pylist() == [True, False, False, True]


def test_headings_are_held_to_the_same_rules() -> None:
    found = open_sheet(TEMPLATE, read(written([HEADINGS[:-1], LINES[1][:-1]]).encode()), Rules())
    assert isinstance(found, RefusedSheet)
    assert [code for _, _, code, _ in told(found.findings)] == ["HEADING_MISSING"]
    moved = opened(written([[cells[at] for at in (1, 0, *range(2, 11))] for cells in LINES]).encode())
    assert moved.table["order_no"].to_pylist() == ["0012345"]


def test_a_sep_line_is_no_row() -> None:
    assert opened(("sep=;\r\n" + written(delimiter=";")).encode()).table["row"].to_pylist() == [2]


@pytest.mark.parametrize("text", ["3.56938E+14", "01/02/2026"])
def test_what_a_program_made_of_it_before_is_seen(text: str) -> None:
    column = 1 if "E" in text else 3
    row = [text if at == column else cell for at, cell in enumerate(LINES[1])]
    findings, passed = judged(TEMPLATE.schema, opened(written([HEADINGS, row]).encode()))
    assert passed.to_pylist() == [False]
    assert {code for _, _, code, _ in told(findings)} & {"EXCEL_EXPONENT", "EXCEL_DATE_UNCLEAR"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"hello",
        b"<html><table>",
        b"%PDF-1.7,",
        b'{"a": 1,"b": 2}',
        b"\x89PNG\r\n\x1a\n,\x00",
        b"\xd0\xcf",
    ],
)
def test_what_is_no_delimited_text_stays_refused(data: bytes) -> None:
    assert [fault.code for fault in read(data).faults] == ["WORKBOOK_NOT_XLSX"]


def test_limits_hold() -> None:
    assert [fault.code for fault in read(written(LINES * 5).encode(), rows=3).faults] == ["WORKBOOK_TOO_MANY_ROWS"]
    assert [fault.code for fault in read(written().encode(), columns=3).faults] == ["WORKBOOK_TOO_WIDE"]


def test_the_guarded_process_reads_it() -> None:
    grid = ChildWorkbooks().read(written().encode("utf-16"), "Sales").grid
    assert grid is not None
    assert grid.text(0).to_pylist() == [HEADINGS[0], "0012345"]


_CELLS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=12)


@CALM
@given(st.lists(st.lists(_CELLS, min_size=3, max_size=3), max_size=5), st.sampled_from(",;\t"))
def test_any_texts_come_back_as_they_are(rows: list[list[str]], delimiter: str) -> None:
    workbook = decode(encode(read(written([["Order number", "IMEI", "Note"], *rows], delimiter).encode("utf-8-sig"))))
    assert workbook.grid is not None
    cells = [workbook.grid.text(at).to_pylist()[1:] for at in range(3)]
    assert [list(row) for row in zip(*cells, strict=True)] == rows
    assert {int(mark) for at in range(3) for mark in workbook.grid.marks(at)} <= {Mark.EMPTY, Mark.TEXT}


def test_the_zeros_of_a_real_export() -> None:
    """An export of an order form, with everything that Excel makes something else of."""
    heading = "Order Number *,Line Number,Serial Number"
    grid = read(f"{heading}\nSO-9,1,0012345\nSO-9,2,219E05\nSO-9,3,00-01\n".encode()).grid
    assert grid is not None
    assert grid.text(2).to_pylist()[1:] == ["0012345", "219E05", "00-01"]


@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ";"), ("tsv", "\t")])
def test_a_dropped_text_is_answered_by_a_workbook(desk: Desk, ending: str, delimiter: str) -> None:  # noqa: F811
    uploads, chosen = UploadDesk(desk), template("locations")
    rows = [location(f"Town {ending}"), location("")]
    cells = [[str(row.get(name) or "") for name in chosen.schema.names] for row in rows]
    text = written([[column.heading for column in chosen.schema.columns], *cells], delimiter)
    uploads.drop("locations", text.encode(), f"places.{ending}")
    uploads.run()
    upload = uploads.newest()
    assert (upload.state, upload.counts) == (UploadState.COMPLETED, Counts(new=1, failed=1))
    answered = read_back(chosen, uploads.answer(upload))
    assert [row["Result"] for row in answered if row["Result"]] == ["Passed: new", "Failed"]
    assert len([row for row in read_back(chosen, uploads.answer(upload, kind="failed")) if row["State *"]]) >= 1
    assert uploads.left("locations") == []
    with desk.registry.view() as tx:
        assert tx.files.get(upload.file_id).media == ending
