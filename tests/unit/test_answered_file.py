"""Answers: the submitter's workbook back, each cell in its place, and nothing in it can do anything."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.findings import CATALOGUE
from formats.templates import NAMES, template
from formats.workbook.layout import ANSWER_COLUMNS, SUMMARY_SHEET, sheet_name
from formats.workbook.read.inspection import WorkbookLimits
from formats.workbook.read.preflight import inspect
from formats.workbook.read.reading import read_workbook
from formats.workbook.write.answered import AnsweredWorkbook, RowState, cells_schema, no_cells
from formats.workbook.write.answered_file import write_answered, write_failed
from formats.workbook.write.book import MAX_TEXT
from formats.workbook.write.sheet_xml import escaped
from formats.workbook.write.summary import MAX_NOTES
from tests.support.sample_template import (
    HOSTILE,
    SAMPLE,
    SCHEMA,
    answer,
    cells,
    findings,
    mixed_answer,
    refused_answer,
)
from tests.support.workbooks import assert_sound, opened, parts, sheet_of, values

SHEET = sheet_name(SCHEMA)
NAMES_OF_COLUMNS = list(SCHEMA.names)
IMEI, STATUS, SOLD, PASSWORD, NOTE = (
    SCHEMA.names.index(name) for name in ("imei", "status", "sold_on", "password", "note")
)
RESULT, WRONG, DO = range(len(SCHEMA.names), len(SCHEMA.names) + 3)


@cache
def mixed() -> bytes:
    return write_answered(SAMPLE, mixed_answer())


@cache
def mixed_failed() -> bytes:
    return write_failed(SAMPLE, mixed_answer())


def data_rows(data: bytes) -> list[list[object]]:
    """The rows of the data sheet; index 0 is row 1."""
    return values(sheet_of(data, SHEET))


def summary(data: bytes) -> list[list[object]]:
    return values(sheet_of(data, SUMMARY_SHEET))


def fact(data: bytes, label: str) -> object:
    return next(row[1] for row in summary(data) if row[0] == label)


def read_back(data: bytes) -> dict[int, list[str | None]]:
    """The data sheet as the reader of uploads gets it: row number → the template's columns, empty as None."""
    workbook = read_workbook(data, SAMPLE.title, WorkbookLimits())
    assert workbook.faults == ()
    assert workbook.grid is not None
    columns = [workbook.grid.text(index).to_pylist() for index in range(len(SCHEMA.columns))]
    rows = zip(workbook.grid.rows.to_pylist(), *columns, strict=True)
    return {number: [text or None for text in texts] for number, *texts in rows}


def as_sent(of: AnsweredWorkbook) -> dict[int, list[str | None]]:
    """What the answer's cells are, without what is secret."""
    records = of.cells.to_pylist()
    return {
        record["row"]: [None if column.secret else record[column.name] for column in SCHEMA.columns]
        for record in records
    }


# --- the rows ------------------------------------------------------------------------------


def test_every_cell_is_where_it_was() -> None:
    found = read_back(mixed())
    blank = [None] * len(SCHEMA.columns)
    assert {number: row for number, row in found.items() if number > 1 and row != blank} == as_sent(mixed_answer())
    assert found[6] == blank
    assert max(found) == 9


def test_the_headings_are_the_templates_and_the_answers() -> None:
    headings = data_rows(mixed())[0]
    assert headings[-3:] == list(ANSWER_COLUMNS)
    assert headings[:2] == ["VIN / Frame Id *", "IMEI *"]


def test_each_row_has_its_result_in_words() -> None:
    assert [row[RESULT] for row in data_rows(mixed())[1:]] == [
        "Example, passed over",
        "Passed: new",
        "Passed: changed",
        "Passed: unchanged",
        None,
        "Failed",
        "Failed",
        "Failed",
    ]


def test_a_failed_row_says_where_what_and_what_to_do() -> None:
    row = data_rows(mixed())[6]
    assert row[WRONG] == (
        "B7 IMEI: Excel has turned this number into exponent notation\n"
        "C7 Product Status: The value is not one of the allowed ones (STOCK, SOLD)"
    )
    assert row[DO] == f"{CATALOGUE['EXCEL_EXPONENT'].remedy}\n{CATALOGUE['CELL_CHOICE'].remedy}"


def test_a_remedy_is_said_once() -> None:
    row = data_rows(mixed())[8]
    assert str(row[WRONG]).splitlines() == [
        "A9 VIN / Frame Id: A required value is missing",
        "B9 IMEI: A required value is missing",
    ]
    assert row[DO] == CATALOGUE["CELL_EMPTY"].remedy


def test_a_warning_is_called_one_and_its_row_passes() -> None:
    row = data_rows(mixed())[4]
    assert str(row[WRONG]).startswith("Warning: F5 Date of Sale: The date is written as text")
    assert row[SOLD] == "5.3.2026"


def test_wrong_cells_are_coloured_framed_and_have_a_note() -> None:
    sheet = sheet_of(mixed(), SHEET)
    wrong, good, warned = sheet["B7"], sheet["B3"], sheet["F5"]
    colours = {cell.fill.start_color.rgb for cell in (wrong, good, warned)}
    assert len(colours) == 3
    assert (wrong.border.left.style, warned.border.left.style, good.border.left.style) == ("medium", "dotted", "thin")
    assert (wrong.font.b, warned.font.i) == (True, True)
    assert wrong.comment is not None
    assert wrong.comment.text == (
        f"Read: 8.94411E+18\n\n{CATALOGUE['EXCEL_EXPONENT'].title}.\nDo: {CATALOGUE['EXCEL_EXPONENT'].remedy}"
    )
    assert sheet["A9"].comment is not None
    assert sheet["A9"].comment.text.startswith("Read: (blank)\n")
    assert good.comment is None


def test_an_error_finding_fails_its_row_whatever_the_effect() -> None:
    found = answer(cells([(2, {})]), ["NEW"], findings((2, None, "VIN_PLACEHOLDER", None)))
    assert data_rows(write_answered(SAMPLE, found))[1][RESULT] == "Failed"


def test_identifiers_stay_texts_and_days_are_dates() -> None:
    sheet = sheet_of(mixed(), SHEET)
    assert (sheet["B3"].value, sheet["B3"].number_format) == ("490154203237518", "@")
    assert (sheet["F3"].value, sheet["F3"].number_format) == (datetime(2026, 3, 5), "yyyy-mm-dd")  # noqa: DTZ001
    assert (sheet["H3"].value, sheet["I3"].value) == ("2", "1299.50")


@pytest.mark.parametrize("day", ["1900-02-28", "1899-12-31", "2026-02-30", "26-3-5", "2026-03-05T10:00:00Z", "CLEAR"])
def test_what_is_no_day_of_excels_stays_a_text(day: str) -> None:
    found = answer(cells([(2, {"sold_on": day})]), ["NEW"], findings())
    assert sheet_of(write_answered(SAMPLE, found), SHEET)["F2"].value == day


@pytest.mark.parametrize("day", ["1900-03-01", "2000-02-29", "2026-11-21", "9999-12-31"])
def test_a_day_comes_back_as_the_same_day(day: str) -> None:
    found = answer(cells([(2, {"sold_on": day})]), ["NEW"], findings())
    assert read_back(write_answered(SAMPLE, found))[2][SOLD] == day


def test_a_secret_is_nowhere() -> None:
    for data in (mixed(), mixed_failed()):
        assert [name for name, text in parts(data).items() if "hunter" in text] == []
    sheet = sheet_of(mixed(), SHEET)
    given, blank = sheet.cell(4, PASSWORD + 1), sheet.cell(3, PASSWORD + 1)
    assert (given.value, blank.value) == (None, None)
    assert given.fill.patternType not in ("solid", None)


def test_a_secret_that_is_wrong_is_not_in_its_note() -> None:
    found = findings((2, "password", "CELL_PATTERN", None))
    data = write_answered(SAMPLE, answer(cells([(2, {"password": "hunter2"})]), ["FAILED"], found))
    assert [name for name, text in parts(data).items() if "hunter" in text] == []
    comment = sheet_of(data, SHEET).cell(2, PASSWORD + 1).comment
    assert comment is not None
    assert comment.text.startswith("Read: (not shown)")


def test_the_filter_covers_all_and_hides_nothing() -> None:
    sheet = sheet_of(mixed(), SHEET)
    assert sheet.auto_filter.ref == "A1:P9"
    assert not any(sheet.row_dimensions[number].hidden for number in range(1, 10))


def test_rows_with_much_to_say_are_high_enough() -> None:
    sheet = sheet_of(mixed(), SHEET)
    assert sheet.row_dimensions[7].height >= 45
    assert sheet.row_dimensions[3].height is None


def test_the_drop_downs_are_still_there() -> None:
    for data in (mixed(), mixed_failed()):
        checks = sheet_of(data, SHEET).data_validations.dataValidation
        assert {str(check.sqref)[0] for check in checks if check.type == "list"} == {"C", "D"}


def test_an_answer_can_be_dropped_again() -> None:
    for data in (mixed(), mixed_failed()):
        found = inspect(data)
        assert found.faults == ()
        assert found.template == "sample_vehicles/3"


def test_the_same_answer_has_the_same_bytes() -> None:
    assert write_answered(SAMPLE, mixed_answer()) == mixed()
    assert write_failed(SAMPLE, mixed_answer()) == mixed_failed()


# --- the failed rows -----------------------------------------------------------------------


def test_the_failed_rows_alone_as_they_were_written() -> None:
    found = read_back(mixed_failed())
    sent = as_sent(mixed_answer())
    assert [found[number] for number in sorted(found)[1:]] == [sent[7], sent[8], sent[9]]
    assert opened(mixed_failed()).sheetnames == [SHEET, "Lists"]


def test_a_failed_row_says_where_it_was_and_where_it_is() -> None:
    assert str(data_rows(mixed_failed())[1][WRONG]).splitlines()[:2] == [
        "Row 7 of the file sent.",
        "B2 IMEI: Excel has turned this number into exponent notation",
    ]


def test_without_failed_rows_there_is_an_empty_sheet() -> None:
    data = write_failed(SAMPLE, answer(cells([(2, {})]), ["NEW"], findings()))
    assert_sound(data)
    assert len(data_rows(data)) == 1


# --- hostile texts --------------------------------------------------------------------------


def hostile_answer() -> AnsweredWorkbook:
    """Every hostile text in every column that shows one, as a fact, and in the facts about the upload."""
    table = cells([(2 + at, dict.fromkeys(NAMES_OF_COLUMNS, text)) for at, text in enumerate(HOSTILE)])
    rows = [(2 + at, "imei", "IMEI_INVALID", text) for at, text in enumerate(HOSTILE)]
    file = [(0, None, "SHEET_STRAY", text) for text in HOSTILE] + [(1, text, "HEADING_EXTRA", text) for text in HOSTILE]
    return answer(
        table,
        ["FAILED"] * len(HOSTILE),
        findings(*rows, *file),
        file_name=HOSTILE[0],
        uploader=HOSTILE[6],
        status=HOSTILE[1],
        notes=HOSTILE,
        lists={"models": HOSTILE},
    )


@pytest.mark.parametrize("write", [write_answered, write_failed])
def test_hostile_texts_are_dead_and_unchanged(write: object) -> None:
    data = write(SAMPLE, hostile_answer())  # type: ignore[operator]
    assert_sound(data)
    assert inspect(data).faults == ()
    found = read_back(data)
    for at, text in enumerate(HOSTILE):
        shown = [None if column.secret else text for column in SCHEMA.columns]
        assert found[2 + at] == shown


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), min_size=1, max_size=30))
def test_any_text_comes_back_as_it_was(texts: list[str]) -> None:
    rows: list[tuple[int, dict[str, str | None]]] = [(2 + at, {"note": text}) for at, text in enumerate(texts)]
    data = write_answered(SAMPLE, answer(cells(rows), ["NEW"] * len(rows), findings()))
    found = read_back(data)
    assert [found[row][NOTE] for row, _ in rows] == texts


def test_hostile_texts_on_the_summary_are_texts() -> None:
    for data in (write_answered(SAMPLE, hostile_answer()), write_answered(SAMPLE, refused_answer(notes=HOSTILE))):
        assert_sound(data)
        shown = {cell.data_type for row in sheet_of(data, SUMMARY_SHEET).iter_rows() for cell in row if cell.value}
        assert shown == {"s"}


def test_a_text_longer_than_a_cell_is_cut_with_a_mark() -> None:
    long = "=" + "x" * (2 * MAX_TEXT)
    data = write_answered(
        SAMPLE, answer(cells([(2, {"note": long})]), ["FAILED"], findings((2, "note", "CELL_LENGTH", long)))
    )
    row = data_rows(data)[1]
    assert row[NOTE] == long[: MAX_TEXT - 8] + " … (cut)"
    assert str(row[WRONG]).endswith(" … (cut)")
    assert len(str(row[WRONG])) == MAX_TEXT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        ("_x0041_", "_x005F_x0041_"),
        ("_x00G1_", "_x00G1_"),
        ("\x00\x1f\r", "_x0000__x001F__x000D_"),
        ("\t\n", "\t\n"),
        ("￾ｅ", "_xFFFE_ｅ"),
        ("", ""),
        (None, None),
    ],
)
def test_texts_between_tags(text: str | None, expected: str | None) -> None:
    assert escaped(pa.array([text], pa.string())).to_pylist() == [expected]


# --- the summary ----------------------------------------------------------------------------


def test_the_summary_opens_first_and_states_the_facts() -> None:
    book = opened(mixed())
    assert book.sheetnames == [SUMMARY_SHEET, SHEET, "Lists"]
    assert book.active is not None
    assert book.active.title == SUMMARY_SHEET
    assert summary(mixed())[0][0] == "Answered workbook of upload 17"
    facts = ("Status", "File", "Sent by", "Received", "Data rows", "Failed")
    assert [fact(mixed(), label) for label in facts] == [
        "COMPLETED",
        "vehicles march.xlsx",
        "asha@example.com",
        "5 Mar 2026, 14:30 IST",
        "6",
        "3",
    ]
    assert fact(mixed(), "Passed") == "3: new 1, changed 1, unchanged 1"


def test_the_summary_counts_findings_by_kind_with_their_first_cells() -> None:
    table = {row[5]: row for row in summary(mixed()) if row[0] in ("Error", "Warning")}
    assert table["CELL_EMPTY"][:3] == ["Error", "3", "row 8, A9, B9"]
    assert table["EXCEL_EXPONENT"][3:5] == [CATALOGUE["EXCEL_EXPONENT"].title, CATALOGUE["EXCEL_EXPONENT"].remedy]
    assert table["SHEET_STRAY"][2:4] == ["the file", f"{CATALOGUE['SHEET_STRAY'].title} (Tabelle2)"]
    assert table["EXCEL_TEXT_DATE"][0] == "Warning"


def test_a_dry_run_says_so() -> None:
    data = write_answered(SAMPLE, mixed_answer(dry_run=True))
    assert summary(data)[0][0] == "Dry run: answered workbook"
    assert str(summary(data)[1][0]).startswith("DRY RUN: the file was checked only. Nothing was changed")
    assert fact(data, "Passed") == "3: would be new 1, would be changed 1, unchanged 1"
    assert data_rows(data)[2][RESULT] == "Would pass: new"


def test_notes_stand_on_top() -> None:
    data = write_answered(SAMPLE, mixed_answer(notes=("The same file was applied on 1 Mar 2026.",)))
    assert summary(data)[1][0] == "The same file was applied on 1 Mar 2026."


def test_a_refused_file_gets_the_summary_alone_with_each_fault() -> None:
    data = write_answered(SAMPLE, refused_answer())
    assert opened(data).sheetnames == [SUMMARY_SHEET, "Lists"]
    found = [(row[2], row[5]) for row in summary(data) if row[0] == "Error"]
    assert found == [("Colour", "HEADING_EXTRA"), ("B1 IMEI", "HEADING_MISSING"), ("the file", "WORKBOOK_MACROS")]
    assert "Passed" not in [row[0] for row in summary(data)]


def test_a_flood_of_faults_is_cut_short() -> None:
    data = write_answered(
        SAMPLE, answer(cells([]), [], findings(*[(1, None, "HEADING_EXTRA", str(at)) for at in range(300)]))
    )
    assert [row[1:4] for row in summary(data) if row[3] == "Further faults, not listed"] == [
        ["100", None, "Further faults, not listed"]
    ]


def test_an_answer_without_findings_says_so() -> None:
    data = write_answered(SAMPLE, answer(cells([(2, {})]), ["NEW"], findings()))
    assert "Nothing was found wrong." in [row[0] for row in summary(data)]


# --- size ------------------------------------------------------------------------------------


def test_many_rows_and_many_faults() -> None:
    rows = range(2, 45_002)
    table = pa.table(
        {"row": pa.array(rows, pa.int64())}
        | {name: pa.array([f"{name} {row} ü" for row in rows], pa.string()) for name in SCHEMA.names},
        schema=cells_schema(SCHEMA),
    )
    bad = [row for row in rows if row % 9 == 0]
    found = findings(*[(row, "imei", "IMEI_INVALID", None) for row in bad])
    data = write_answered(SAMPLE, answer(table, ["NEW"] * len(rows), found))
    assert inspect(data).faults == ()
    said = read_workbook(data, SAMPLE.title, WorkbookLimits()).grid
    assert said is not None
    kind = CATALOGUE["IMEI_INVALID"]
    wrong = [f"B{row} IMEI: {kind.title}" if row % 9 == 0 else "" for row in rows]
    assert said.text(WRONG).to_pylist()[1:] == wrong
    assert said.text(DO).to_pylist()[1:] == [kind.remedy if text else "" for text in wrong]
    back = read_back(data)
    assert [back[row][IMEI] for row in rows] == [f"imei {row} ü" for row in rows]
    assert back[45_001] == [None if name == "password" else f"{name} 45001 ü" for name in SCHEMA.names]
    assert parts(data)["xl/comments1.xml"].count("<comment ") == MAX_NOTES + len(SCHEMA.columns)


@pytest.mark.parametrize("name", NAMES)
def test_every_template_can_be_answered(name: str) -> None:
    chosen = template(name)
    row = {column.name: column.example or None for column in chosen.schema.columns}
    table = pa.Table.from_pylist([{"row": 3} | row], cells_schema(chosen.schema))
    found = findings((3, chosen.schema.names[-1], "CELL_PATTERN", None))
    given = answer(table, ["FAILED"], found)
    for data in (write_answered(chosen, given), write_failed(chosen, given)):
        assert_sound(data)
        assert inspect(data).faults == ()
    refused = answer(no_cells(chosen.schema), [], findings((0, None, "WORKBOOK_DAMAGED", None)))
    assert_sound(write_answered(chosen, refused))


def test_states_count_what_the_summary_shows() -> None:
    counts = mixed_answer().counts()
    assert (counts[RowState.FAILED], counts[RowState.SAMPLE], counts[RowState.UNJUDGED]) == (3, 1, 0)
