"""Order Dispatch files: both forms are read, faults stand at their row, and no bytes can do harm."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.order_dispatch.loading import Loaded, load
from formats.order_dispatch.raw import FileFault

NAMES = ORDER_DISPATCH.names
HEADINGS = [column.heading for column in ORDER_DISPATCH.columns]
ROW: Mapping[str, str] = {column.name: column.example for column in ORDER_DISPATCH.columns}
CANONICAL = {**ROW, "ship_date": "2026-03-02T00:00:00Z"}


def row(**cells: str) -> dict[str, str]:
    return {**ROW, **cells}


def other(number: int, **cells: str) -> dict[str, str]:
    """A sound row that shares no identifier with the example."""
    bare = {"line_number": str(number), "serial_number": f"S{number}", "imei": "", "meid": "", "mac": "", "imei2": ""}
    return row(**{**bare, **cells})


def file(
    *rows: Mapping[str, str], names: Sequence[str] = NAMES, heading: Sequence[str] | None = None, by: str = ","
) -> bytes:
    lines = [by.join(heading or names), *(by.join(cells.get(name, "") for name in names) for cells in rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def found(loaded: Loaded) -> list[tuple[int, str | None, str]]:
    return [(item["row"], item["column"], item["code"]) for item in loaded.findings.to_pylist()]


def cells(loaded: Loaded) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = loaded.rows.drop_columns(["row"]).to_pylist()
    return listed


def fault(data: bytes) -> list[tuple[str, int | None, str | None]]:
    with pytest.raises(FileFault) as raised:
        load(data)
    return [(item.code, item.row, item.column) for item in raised.value.findings]


def test_the_example_of_the_declaration_is_a_sound_row() -> None:
    loaded = load(file(ROW))
    assert (cells(loaded), found(loaded)) == ([CANONICAL], [])
    assert (loaded.passed.to_pylist(), loaded.read, loaded.rows["row"].to_pylist()) == ([True], 1, [2])


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_each_delimiter_is_read_off_the_heading(delimiter: str) -> None:
    assert cells(load(file(ROW, by=delimiter))) == [CANONICAL]


@pytest.mark.parametrize(
    "heading",
    [
        HEADINGS,
        [text.upper() for text in HEADINGS],
        [name.upper() for name in NAMES],
        [f" {text} * " for text in HEADINGS],
        [f"{name}*" for name in NAMES],
    ],
)
def test_headings_in_every_accepted_form(heading: Sequence[str]) -> None:
    assert cells(load(file(ROW, heading=heading))) == [CANONICAL]


def test_columns_in_any_order_and_without_the_optional_ones() -> None:
    names = [column.name for column in ORDER_DISPATCH.columns if column.required][::-1]
    loaded = load(file(row(request_type="VD"), names=names))
    assert loaded.passed.to_pylist() == [True]
    assert cells(loaded)[0]["order_number"] == "SO-1001"
    assert cells(loaded)[0]["imei"] is None


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf" + file(ROW), file(ROW).replace(b"\n", b"\r\n"), file(ROW)[:-1]])
def test_byte_order_mark_and_line_ends_of_other_systems(data: bytes) -> None:
    assert cells(load(data)) == [CANONICAL]


@pytest.mark.parametrize(
    ("heading", "faults"),
    [
        ([*NAMES[:-1], "Asset"], ["column 18"]),
        ([*NAMES[:-1], "model"], ["model"]),
        ([*NAMES[:-1], "Model *"], ["model"]),
        (["", *NAMES[1:]], ["column 1", "order_number"]),
        (
            ["Order number", "imei"],
            ["line_number", "request_type", "order_date", "customer_account", "provider", "enrolment_requested"],
        ),
    ],
)
def test_a_wrong_heading_is_named_column_by_column(heading: Sequence[str], faults: list[str]) -> None:
    assert fault(file(heading=heading)) == [("FILE_HEADING", 1, name) for name in faults]


def test_rows_with_too_few_or_too_many_cells_do_not_touch_the_others() -> None:
    data = file(ROW) + b"a,b\n" + file(other(2)).split(b"\n", 1)[1] + b",".join([b"x"] * 19) + b"\n"
    loaded = load(data)
    assert found(loaded) == [(3, None, "ROW_COLUMNS"), (5, None, "ROW_COLUMNS")]
    assert loaded.rows["row"].to_pylist() == [2, 4]
    assert (loaded.read, loaded.passed.to_pylist()) == (4, [True, True])


def test_a_file_of_ragged_rows_only_has_findings_and_no_lines() -> None:
    loaded = load(file() + b"a,b\n")
    assert (loaded.read, loaded.rows.num_rows, found(loaded)) == (1, 0, [(2, None, "ROW_COLUMNS")])


def test_blank_rows_are_no_rows_but_are_counted_as_the_spreadsheet_counts() -> None:
    blank = b"\n" + b"," * 16 + b"\n" + b"  ,\t\n"
    loaded = load(file(ROW) + blank + file(other(2)).split(b"\n", 1)[1] + b"\n\n")
    assert (loaded.read, loaded.rows["row"].to_pylist(), found(loaded)) == (2, [2, 6], [])


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends() -> None:
    loaded = load(file(row(model='"a, ""b"""'), other(2, model='"a\nb"'), other(3)))
    assert [item["model"] for item in cells(loaded)] == ['a, "b"', "a\nb", "ED-10"]
    assert found(loaded) == [(3, "model", "CELL_PATTERN")]  # read as one cell, then refused: no control characters
    assert loaded.rows["row"].to_pylist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [("FILE_EMPTY", None, None)]),
        (b" \r\n\t\n", [("FILE_EMPTY", None, None)]),
        (b"\xef\xbb\xbf", [("FILE_EMPTY", None, None)]),
        (file(), [("FILE_EMPTY", None, None)]),
        (file() + b",,,\n\n", [("FILE_EMPTY", None, None)]),
        (file(ROW).replace(b"ED-10", b"\xe4"), [("FILE_ENCODING", None, None)]),
        (file(ROW).decode().encode("utf-16"), [("FILE_ENCODING", None, None)]),
        (b'"open' + file(ROW), [("FILE_UNREADABLE", 1, None)]),
        (b"PK\x03\x04 a workbook", [("FILE_HEADING", 1, "column 1")]),
        (b"\x00" * 9, [("FILE_HEADING", 1, "column 1")]),
    ],
)
def test_what_no_row_can_be_taken_from(data: bytes, expected: list[tuple[str, int | None, str | None]]) -> None:
    assert fault(data)[: len(expected)] == expected


def test_a_nul_is_refused_at_its_cell() -> None:
    assert found(load(file(row(model="a\0b", order_number="SO\0")))) == [
        (2, "order_number", "CELL_PATTERN"),
        (2, "model", "CELL_PATTERN"),
    ]


@pytest.mark.parametrize(
    ("column", "written", "read"),
    [
        ("request_type", "order", "OR"),
        ("request_type", "RETURN", "RE"),
        ("request_type", " Override ", "OV"),
        ("request_type", "or", "OR"),
        ("enrolment_requested", "n", "N"),
        ("line_number", "007", "7"),
        ("line_number", "000", "0"),
        ("ship_date", "2026-03-04", "2026-03-04T00:00:00Z"),
        ("ship_date", "2026-03-04T01:02:03Z", "2026-03-04T01:02:03Z"),
        ("imei", "49-015420-323751-8", "490154203237518"),
        ("meid", "a1 000049 a5f3b2", "A1000049A5F3B2"),
        ("mac", "02-1a-2b-3c-4d-5e", "02:1A:2B:3C:4D:5E"),
        ("serial_number", "\u00a0c02xk\u2003", "c02xk"),
        ("po_number", "   ", None),
    ],
)
def test_one_spelling_is_stored(column: str, written: str, read: str | None) -> None:
    loaded = load(file(row(**{column: written})))
    assert cells(loaded) == [{**CANONICAL, column: read}]
    assert found(loaded) == []


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        ({"request_type": "BUY"}, [("request_type", "CELL_CHOICE")]),
        ({"order_date": "1.3.2026"}, [("order_date", "CELL_DATE")]),
        ({"order_date": "2026-02-30"}, [("order_date", "CELL_DATE")]),
        ({"order_date": "٢٠٢٦-03-01"}, [("order_date", "CELL_DATE")]),
        ({"ship_date": "2026-02-01"}, [("ship_date", "DATE_ORDER")]),
        ({"line_number": "1.0"}, [("line_number", "CELL_INTEGER")]),
        ({"imei": "4.90154E+14"}, [("imei", "IMEI_INVALID")]),
        ({"mac": "HELLO-WORLDS"}, [("mac", "MAC_INVALID")]),
        ({"provider": "Acme"}, [("provider", "CELL_PATTERN")]),
        ({"order_number": "X" * 33}, [("order_number", "CELL_LENGTH")]),
        ({"customer_account": " "}, [("customer_account", "CELL_EMPTY")]),
        ({"delivery_number": "", "ship_date": ""}, [("delivery_number", "CELL_EMPTY"), ("ship_date", "CELL_EMPTY")]),
        (
            dict.fromkeys(("serial_number", "imei", "meid", "mac", "imei2"), ""),
            [("serial_number", "DEVICE_UNIDENTIFIED")],
        ),
        (
            {"request_type": "VOID"},
            [(name, "CELL_NOT_EMPTY") for name in ("delivery_number", "serial_number", "imei", "meid", "mac", "imei2")],
        ),
    ],
)
def test_a_wrong_row_is_found_at_its_cell_and_alone(changes: dict[str, str], findings: list[tuple[str, str]]) -> None:
    loaded = load(file(other(5), row(**changes)))
    assert found(loaded) == [(3, column, code) for column, code in findings]
    assert loaded.passed.to_pylist() == [True, False]


def test_line_numbers_that_differ_in_zeros_only_are_one_number() -> None:
    loaded = load(file(other(2), {**other(3), "line_number": "02"}))
    assert found(loaded) == [(2, "provider", "ROW_DUPLICATE"), (3, "provider", "ROW_DUPLICATE")]


def test_one_device_in_two_spellings_is_one_device() -> None:
    loaded = load(file(other(2, mac="02-1A-2B-3C-4D-5E"), other(3, mac="021a.2b3c.4d5e")))
    assert {code for _, _, code in found(loaded)} == {"ROW_DUPLICATE"}
    assert loaded.passed.to_pylist() == [False, False]


# --- JSON -----------------------------------------------------------------------------------------

DEVICE: dict[str, Any] = {
    "lineNumber": 1,
    "serialNumber": "C02XK1AAJG5H",
    "imei": 490154203237518,
    "imei2": "356938035643809",
    "meid": "A1000049A5F3B2",
    "mac": "02:1A:2B:3C:4D:5E",
    "manufacturer": "Example Devices",
    "model": "ED-10",
    "assetTag": "AT-000017",
}
DELIVERY: dict[str, Any] = {"deliveryNumber": "DL-1", "shipDate": "2026-03-02", "devices": [DEVICE]}
ORDER: dict[str, Any] = {
    "id": "SO-1001",
    "requestType": "ORDER",
    "orderDate": "2026-03-01T09:00:00Z",
    "customerId": "C-1007",
    "deviceEnrolmentProviderId": "acme",
    "poNumber": "PO-9",
    "deliveries": [DELIVERY],
}
VOID = {**{key: value for key, value in ORDER.items() if key != "deliveries"}, "requestType": "VOID"}


def document(*orders: Any, **members: Any) -> dict[str, Any]:
    constants = {"interfaceCategory": "Sales Order", "interfaceType": "Sales Order Dispatch", "version": 1.2}
    return {**constants, "recordCount": len(orders), "orders": list(orders), **members}


def as_json(*orders: Any, **members: Any) -> bytes:
    return json.dumps(document(*orders, **members)).encode()


def with_device(**members: Any) -> dict[str, Any]:
    return {**ORDER, "deliveries": [{**DELIVERY, "devices": [{**DEVICE, **members}]}]}


def test_json_gives_the_same_row_as_text() -> None:
    for data in (as_json(ORDER), b"\xef\xbb\xbf" + as_json(ORDER), b"  \n" + as_json(ORDER)):
        loaded = load(data)
        assert (cells(loaded), found(loaded)) == ([CANONICAL], [])
        assert loaded.rows["row"].to_pylist() == [1]


def test_json_rows_are_devices_in_order_and_a_void_is_one_row() -> None:
    second = {**DELIVERY, "devices": [{"lineNumber": 2, "serialNumber": "S2"}, {"lineNumber": 3, "serialNumber": "S3"}]}
    loaded = load(as_json({**ORDER, "deliveries": [DELIVERY, second]}, VOID))
    assert [item["serial_number"] for item in cells(loaded)] == ["C02XK1AAJG5H", "S2", "S3", None]
    assert [item["request_type"] for item in cells(loaded)] == ["OR", "OR", "OR", "VD"]
    assert (loaded.read, found(loaded), loaded.rows["row"].to_pylist()) == (4, [], [1, 2, 3, 4])


@pytest.mark.parametrize(("flag", "read"), [(True, "Y"), (False, "N"), ("n", "N"), (None, "Y")])
def test_the_enrolment_flag_may_be_true_or_false(flag: object, read: str) -> None:
    assert cells(load(as_json(with_device(enrolmentRequested=flag))))[0]["enrolment_requested"] == read


def test_a_delivery_without_devices_is_a_row_with_findings_and_not_silence() -> None:
    loaded = load(as_json({**ORDER, "deliveries": [{**DELIVERY, "devices": []}, DELIVERY]}))
    assert found(loaded) == [(1, "line_number", "CELL_EMPTY"), (1, "serial_number", "DEVICE_UNIDENTIFIED")]
    assert loaded.passed.to_pylist() == [False, True]


BOMB = b'{"orders":' * 100_000
NO_ORDERS = {key: value for key, value in document().items() if key != "orders"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (as_json(), [("FILE_EMPTY", None, None)]),
        (as_json(ORDER, recordCount=2), [("FILE_RECORD_COUNT", None, None)]),
        (as_json(ORDER, recordCount="1"), [("FILE_RECORD_COUNT", None, None)]),
        (as_json(ORDER, recordCount=True), [("FILE_RECORD_COUNT", None, None)]),
        (as_json(ORDER, recordCount=1.0), [("FILE_RECORD_COUNT", None, None)]),
        (as_json(ORDER, recordCount=None), [("FILE_RECORD_COUNT", None, None)]),
        (as_json(ORDER, interfaceType="Sales Order Request"), [("FILE_HEADING", None, "interfaceType")]),
        (
            as_json(ORDER, interfaceCategory="Other", version=1.1),
            [("FILE_HEADING", None, "interfaceCategory"), ("FILE_HEADING", None, "version")],
        ),
        (as_json(ORDER, orders={}), [("FILE_HEADING", None, "orders")]),
        (json.dumps(NO_ORDERS).encode(), [("FILE_HEADING", None, "orders")]),
        (as_json({**ORDER, "deliveries": {}, "id": "X"}, recordCount=2), [("FILE_RECORD_COUNT", None, None)]),
        (as_json({**ORDER, "deliveries": "DL-1"}), [("FILE_HEADING", None, "deliveries")]),
        (as_json("SO-1001"), [("FILE_UNREADABLE", None, None)]),
        (as_json({**ORDER, "deliveries": [7]}), [("FILE_UNREADABLE", None, None)]),
        (as_json(with_device(imei=4.90154203237518e14)), [("FILE_UNREADABLE", None, "imei")]),
        (as_json(with_device(serialNumber=True)), [("FILE_UNREADABLE", None, "serial_number")]),
        (as_json(with_device(serialNumber=["A1"])), [("FILE_UNREADABLE", None, "serial_number")]),
        (as_json({**ORDER, "id": {}}), [("FILE_UNREADABLE", None, "order_number")]),
        (as_json(with_device(model="half \ud83d")), [("FILE_UNREADABLE", None, None)]),
        (
            as_json(ORDER).replace(b'"lineNumber": 1', b'"lineNumber": 1, "imei": "1"'),
            [("FILE_UNREADABLE", None, None)],
        ),
        (as_json(ORDER).replace(b'"lineNumber": 1', b'"lineNumber": NaN'), [("FILE_UNREADABLE", None, None)]),
        (
            as_json(ORDER).replace(b'"lineNumber": 1', b'"lineNumber": ' + b"1" * 5000),
            [("FILE_UNREADABLE", None, None)],
        ),
        (as_json(ORDER)[:-1], [("FILE_UNREADABLE", None, None)]),
        (as_json(ORDER) + b"{}", [("FILE_UNREADABLE", None, None)]),
        (as_json(ORDER).replace(b"ED-10", b"\xe4"), [("FILE_ENCODING", None, None)]),
        (BOMB, [("FILE_UNREADABLE", None, None)]),
        (b'{"orders":' + b"[" * 100_000, [("FILE_UNREADABLE", None, None)]),
    ],
)
def test_what_no_order_can_be_taken_from(data: bytes, expected: list[tuple[str, int | None, str | None]]) -> None:
    assert fault(data) == expected


# --- any bytes ------------------------------------------------------------------------------------

DELIMITED = st.lists(st.lists(st.text(max_size=6) | st.sampled_from(list(ROW.values())), max_size=19), max_size=6)
TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(list(ROW.values())),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ORDER, *DELIVERY, *DEVICE]), inner, max_size=4)
    ),
    max_leaves=12,
)


def harmless(data: bytes) -> None:
    """Either the file is refused with findings, or every row of it is accounted for."""
    with suppress(FileFault):
        accounted_for(load(data))


def accounted_for(loaded: Loaded) -> None:
    passed = pc.sum(loaded.passed).as_py() or 0
    failed = {row for row, _, _ in found(loaded)}
    assert loaded.read == passed + len(failed)
    rows = loaded.rows["row"].to_pylist()
    assert {number for number, good in zip(rows, loaded.passed.to_pylist(), strict=True) if good}.isdisjoint(failed)
    assert len(set(rows)) == len(rows)
    assert loaded.rows.drop_columns(["row"]).schema.equals(pa.schema(ORDER_DISPATCH.arrow()))


@given(
    st.binary(max_size=300)
    | st.text(st.characters(), max_size=150).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_arbitrary_bytes_do_no_harm(noise: bytes) -> None:
    for data in (noise, file(ROW) + noise, b"{" + noise, file(ROW).replace(b"SO-1001", noise)):
        harmless(data)


@given(DELIMITED)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_arbitrary_rows_are_all_accounted_for(rows: list[list[str]]) -> None:
    lines = "".join(",".join(row) + "\n" for row in rows)
    harmless(file(ROW) + lines.encode("utf-8", "surrogatepass"))


@given(TREE, TREE, TREE)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_arbitrary_json_does_no_harm(order: object, delivery: object, device: object) -> None:
    deliveries = [{**DELIVERY, "devices": [device, DEVICE]}, delivery]
    harmless(as_json({**ORDER, "deliveries": deliveries}, ORDER))
    harmless(as_json(order, VOID))
    harmless(json.dumps(document(orders=order)).encode())
