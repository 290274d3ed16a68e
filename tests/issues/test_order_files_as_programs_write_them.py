"""Order files were not normalised as workbooks are, and what spreadsheet programs and other systems write was refused.

The same text in two Unicode spellings was two purchase orders of one order (`ORDER_HEADER_MISMATCH`); marks nobody sees
were stored; ISO times with fractions or an offset, a `sep=` line, and blank headings at the end of the row condemned a
row or the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.order_dispatch.loading import Loaded, load
from formats.order_dispatch.raw import FileFault

COLUMNS = tuple(column for column in ORDER_DISPATCH.columns if column.name not in ("imei", "imei2", "meid", "mac"))
ROW: Mapping[str, str] = {column.name: column.example for column in COLUMNS}
SECOND = {**ROW, "line_number": "2", "serial_number": "S2"}


def file(*rows: Mapping[str, str], by: str = ",", before: str = "", tail: str = "", row_tail: str = "") -> bytes:
    lines = [by.join(ROW) + tail, *(by.join(row.values()) + row_tail for row in rows)]
    return (before + "\n".join(lines) + "\n").encode()


def found(loaded: Loaded) -> list[tuple[int, str | None, str]]:
    return [(item["row"], item["column"], item["code"]) for item in loaded.findings.to_pylist()]


@pytest.mark.parametrize(
    ("column", "written", "kept"),
    [
        ("po_number", "Cafe\u0301", "Caf\u00e9"),
        ("po_number", "PO\u00a09", "PO 9"),
        ("po_number", "12\u00bd\u2122", "12\u00bd\u2122"),
        ("serial_number", "\uff33\uff2e1", "SN1"),
        ("order_number", "SO\u20091", "SO 1"),
    ],
)
def test_one_spelling_of_a_text(column: str, written: str, kept: str) -> None:
    loaded = load(file({**ROW, column: written}))
    assert (found(loaded), loaded.rows[column].to_pylist()) == ([], [kept])


@pytest.mark.parametrize("sign", ["\u202e", "\u200b", "\u2066", "\ufeff", "\u00ad", "\u2028", "\ue000"])
@pytest.mark.parametrize("column", ["po_number", "serial_number", "model"])
def test_marks_that_nobody_sees_are_faults_of_their_row(sign: str, column: str) -> None:
    loaded = load(file({**ROW, column: f"A{sign}B"}, SECOND))
    assert (2, column, "CELL_CHARACTERS") in found(loaded)
    assert loaded.passed.to_pylist() == [False, True]


def test_json_is_held_to_the_same() -> None:
    device = {"lineNumber": 1, "serialNumber": "S1", "model": "Cafe\u0301"}
    delivery = {"deliveryNumber": "DL-1", "shipDate": "2026-03-02T10:00:00.5+02:00", "devices": [device]}
    order = {"id": "SO-1", "requestType": "ORDER", "orderDate": "2026-03-01", "customerId": "C-1"}
    order |= {"poNumber": "a\u202eb", "deviceEnrolmentProviderId": "acme", "deliveries": [delivery]}
    head = {"interfaceCategory": "Sales Order", "interfaceType": "Sales Order Dispatch", "version": 1.2}
    loaded = load(json.dumps({**head, "recordCount": 1, "orders": [order]}).encode())
    assert found(loaded) == [(1, "po_number", "CELL_CHARACTERS")]
    assert loaded.rows["model"].to_pylist() == ["Caf\u00e9"]
    assert loaded.rows["ship_date"].to_pylist() == ["2026-03-02T08:00:00Z"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-03-04T10:20:30.123Z", "2026-03-04T10:20:30Z"),
        ("2026-03-04T10:20:30.999999999Z", "2026-03-04T10:20:30Z"),
        ('"2026-03-04T10:20:30,5Z"', "2026-03-04T10:20:30Z"),
        ("2026-03-04T10:20:30+00:00", "2026-03-04T10:20:30Z"),
        ("2026-03-04T00:20:30+05:30", "2026-03-03T18:50:30Z"),
        ("2026-03-04T10:20:30.5-0800", "2026-03-04T18:20:30Z"),
        ("2026-03-04T10:20+02", "2026-03-04T08:20:00Z"),
        ("2026-03-04 10:20:30z", "2026-03-04T10:20:30Z"),
    ],
)
def test_times_with_fractions_or_an_offset(written: str, kept: str) -> None:
    loaded = load(file({**ROW, "ship_date": written}))
    assert (found(loaded), loaded.rows["ship_date"].to_pylist()) == ([], [kept])


@pytest.mark.parametrize(
    "written",
    ["2026-03-04T10:20:30", "2026-03-04T25:00:00Z", "2026-02-30T10:00:00+01:00", "2026-03-04T10:20:30+99:00"],
)
def test_times_without_an_offset_or_off_the_calendar(written: str) -> None:
    assert found(load(file({**ROW, "ship_date": written}))) == [(2, "ship_date", "CELL_DATE")]


@pytest.mark.parametrize("told", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;;;"])
def test_a_line_that_names_the_separator(told: str) -> None:
    commas = {**ROW, "model": "a, b, c", "po_number": "1,2,3,4,5,6,7,8,9,10,11,12"}
    loaded = load(file(commas, by=";", before=f"{told}\n"))
    assert (found(loaded), loaded.rows["row"].to_pylist()) == ([], [2])
    assert loaded.rows["model"].to_pylist() == ["a, b, c"]


@pytest.mark.parametrize("row_tail", [",,,", ""])
def test_blank_headings_at_the_end(row_tail: str) -> None:
    loaded = load(file(ROW, SECOND, tail=",,,", row_tail=row_tail))
    assert (found(loaded), loaded.passed.to_pylist()) == ([], [True, True])


def test_a_value_below_a_blank_heading_is_a_row_too_long() -> None:
    data = file(ROW, SECOND, tail=",", row_tail=",") + b",".join([b"x"] * len(COLUMNS)) + b",more\n"
    assert found(load(data)) == [(4, None, "ROW_COLUMNS")]


def test_a_stray_delimiter_is_never_taken_for_a_blank_heading() -> None:
    stray = {**SECOND, "model": "Tab, LTE", "asset_tag": ""}
    loaded = load(file(ROW, {**ROW, "line_number": "3", "serial_number": "S3"}, stray, tail=","))
    assert found(loaded) == [(4, None, "ROW_COLUMNS")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252"])
def test_other_encodings_are_refused_as_the_page_says(encoding: str) -> None:
    with pytest.raises(FileFault) as raised:
        load(file({**ROW, "model": "Caf\u00e9"}).decode().encode(encoding))
    assert [finding.code for finding in raised.value.findings] == ["FILE_ENCODING"]
