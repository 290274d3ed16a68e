"""The answer as CMP-style JSON: it becomes the table of a response file, or it is refused and says where."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.generic import response_json
from formats.generic.layout import RESPONSE_DETAIL, Interface
from formats.generic.model import GenericFormatError, Header, Read

ENVELOPE: dict[str, Any] = {
    "interfaceCategory": "Device Enrolment",
    "interfaceType": "Device Enrolment Response",
    "version": 1.0,
    "extractLoadDateTime": "2026-03-05T15:00:00Z",
    "deviceEnrolmentProviderId": "acme",
    "batchNumber": "ACME-000042",
    "externalFileName": "answer-9.json",
}
GOOD = {"deviceId": "C02XK1AAJG5H", "outcome": "ENROLLED"}
BAD = {"deviceId": 490154203237518, "errors": [{"id": "DE-4304", "errorMessage": "already enrolled"}]}


def answer(order: Any = None, **members: Any) -> bytes:
    return json.dumps(
        {**ENVELOPE, "order": {"id": "SO-1001", "devices": [GOOD, BAD]} if order is None else order, **members}
    ).encode()


def records(read: Read) -> list[dict[str, str]]:
    """The cells that are given, without type and line number."""
    kept = read.details.drop_columns(["record_type", "line_number"]).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in kept]


def fault(data: bytes) -> list[tuple[str, str | None]]:
    with pytest.raises(GenericFormatError) as raised:
        response_json.read(data)
    return [(item.code, item.column) for item in raised.value.findings]


def test_devices_become_records_of_a_response() -> None:
    read = response_json.read(answer())
    device = {"level": "DEVICE", "order_id": "SO-1001"}
    assert records(read) == [
        {**device, "device_id": "C02XK1AAJG5H", "outcome": "ENROLLED"},
        {
            **device,
            "device_id": "490154203237518",
            "outcome": "REJECTED",
            "provider_code": "DE-4304",
            "message": "already enrolled",
        },
    ]
    assert list(read.findings) == []
    assert read.details.schema.equals(RESPONSE_DETAIL.arrow())
    assert read.details["line_number"].to_pylist() == ["1", "2"]
    assert (read.totals.record_count, read.totals.order_count) == (2, 1)


def test_the_header_is_that_of_the_document() -> None:
    at = datetime(2026, 3, 5, 15, tzinfo=UTC)
    expected = Header(Interface.RESPONSE, 0, "ACME-000042", 0, "acme", at, at, "answer-9.json")
    assert response_json.read(answer()).header == expected


@pytest.mark.parametrize(
    "written", ["2026-03-05T15:00:00Z", "2026-03-05T16:00:00+01:00", "2026-03-05T15:00:00", "2026-03-05 15:00:00.000"]
)
def test_a_date_time_without_offset_is_utc_on_every_machine(written: str) -> None:
    header = response_json.read(answer(extractLoadDateTime=written)).header
    assert header.extract_date_time == datetime(2026, 3, 5, 15, tzinfo=UTC)
    assert header.extract_date_time.utcoffset() == datetime(2026, 1, 1, tzinfo=UTC).utcoffset()


def test_errors_of_an_order_are_a_record_of_the_order() -> None:
    errors = [{"id": "OR-4110", "errorMessage": "differs"}, {"id": "OR-1", "errorMessage": "and more"}, {"id": "OR-2"}]
    read = response_json.read(answer({"id": 1001, "errors": errors}))
    order = {"level": "ORDER", "order_id": "1001", "outcome": "ERROR"}
    assert records(read) == [{**order, "provider_code": "OR-4110", "message": "differs; and more"}]
    assert list(read.findings) == []


def test_one_object_counts_as_a_list_of_one() -> None:
    order = {"id": "SO-1001", "devices": {**BAD, "errors": BAD["errors"][0]}}  # type: ignore[index]
    assert records(response_json.read(answer(order)))[0]["provider_code"] == "DE-4304"


def test_an_outcome_that_is_given_stands_beside_errors() -> None:
    order = {"id": "SO-1001", "devices": [{**BAD, "outcome": "IN_PROGRESS"}]}
    assert records(response_json.read(answer(order)))[0]["outcome"] == "IN_PROGRESS"


def test_null_is_not_given() -> None:
    order = {
        "id": None,
        "devices": [{"deviceId": None, "outcome": None, "errors": [{"id": None, "errorMessage": None}]}],
    }
    read = response_json.read(answer(order))
    assert records(read) == [{"level": "DEVICE", "outcome": "REJECTED"}]
    assert sorted((item.code, item.row, item.column) for item in read.findings) == [
        ("CELL_EMPTY", 2, "device_id"),
        ("CELL_EMPTY", 2, "order_id"),
    ]


def test_long_texts_are_cut_to_the_columns() -> None:
    order = {"id": "SO-1001", "devices": [{**GOOD, "errors": [{"id": "C" * 150, "errorMessage": "m" * 2000}]}]}
    read = response_json.read(answer(order))
    assert [len(records(read)[0][name]) for name in ("provider_code", "message")] == [100, 1000]
    assert list(read.findings) == []


def test_an_order_without_results_has_no_records() -> None:
    read = response_json.read(answer({"id": "SO-1001"}))
    assert (read.details.num_rows, list(read.findings)) == (0, [])


@pytest.mark.parametrize(
    ("device", "code", "column"),
    [
        ({"deviceId": "A1"}, "CELL_EMPTY", "outcome"),
        ({"deviceId": "A1", "outcome": "SUCCESS"}, "CELL_CHOICE", "outcome"),
        ({"outcome": "ENROLLED"}, "CELL_EMPTY", "device_id"),
        ({"deviceId": "A" * 41, "outcome": "ENROLLED"}, "CELL_LENGTH", "device_id"),
        ({"deviceId": "A\n1", "outcome": "ENROLLED"}, "CELL_PATTERN", "device_id"),
        ({"deviceId": "A1", "errors": [{"id": "X", "errorMessage": "a\u0007b"}]}, "CELL_PATTERN", "message"),
    ],
)
def test_a_wrong_record_is_found_at_its_row_as_in_a_response_file(device: object, code: str, column: str) -> None:
    read = response_json.read(answer({"id": "SO-1001", "devices": [GOOD, device]}))
    assert [(item.code, item.row, item.column) for item in read.findings] == [(code, 3, column)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [("FILE_UNREADABLE", None)]),
        (b"[]", [("GENERIC_HEADER", None)]),
        (b"null", [("GENERIC_HEADER", None)]),
        (answer()[:-1], [("FILE_UNREADABLE", None)]),
        (answer().replace(b"acme", b"\xff"), [("FILE_ENCODING", None)]),
        (b'{"order":' * 100_000, [("FILE_UNREADABLE", None)]),
        (answer(version=1.1), [("GENERIC_HEADER", None)]),
        (answer(version="1.0"), [("GENERIC_HEADER", None)]),
        (answer(version=True), [("GENERIC_HEADER", None)]),
        (answer(interfaceType="Device Enrolment Request"), [("GENERIC_HEADER", None)]),
        (answer(interfaceCategory=None), [("GENERIC_HEADER", None)]),
        (answer(order=[]), [("GENERIC_HEADER", "order")]),
        (answer(batchNumber=None), [("GENERIC_HEADER", "batch_number")]),
        (answer(batchNumber="A\0"), [("GENERIC_HEADER", "batch_number")]),
        (answer(batchNumber=1.5), [("GENERIC_HEADER", "batchNumber")]),
        (answer(deviceEnrolmentProviderId=""), [("GENERIC_HEADER", "provider_id")]),
        (answer(deviceEnrolmentProviderId="Acme; DROP"), [("GENERIC_HEADER", "provider_id")]),
        (answer(extractLoadDateTime="yesterday"), [("GENERIC_HEADER", "extractLoadDateTime")]),
        (answer(extractLoadDateTime=None), [("GENERIC_HEADER", "extractLoadDateTime")]),
        (answer(extractLoadDateTime="0001-01-01T00:00:00+14:00"), [("GENERIC_HEADER", "extractLoadDateTime")]),
        (answer({"id": "SO-1", "devices": "A1"}), [("GENERIC_RECORD", "devices")]),
        (answer({"id": "SO-1", "devices": ["A1"]}), [("GENERIC_RECORD", "devices")]),
        (answer({"id": "SO-1", "errors": 7}), [("GENERIC_RECORD", "errors")]),
        (answer({"id": 1.5, "errors": [{}]}), [("GENERIC_RECORD", "id")]),
        (answer({"id": "SO-1", "devices": [{**GOOD, "deviceId": 4.9e14}]}), [("GENERIC_RECORD", "deviceId")]),
        (answer({"id": "SO-1", "devices": [{**GOOD, "deviceId": True}]}), [("GENERIC_RECORD", "deviceId")]),
        (answer({"id": "SO-1", "devices": [{**GOOD, "deviceId": "half \ud83d"}]}), [("FILE_UNREADABLE", None)]),
        (answer().replace(b'"outcome"', b'"deviceId": "B2", "outcome"'), [("FILE_UNREADABLE", None)]),
        (answer().replace(b"490154203237518", b"4" * 5000), [("FILE_UNREADABLE", None)]),
        (answer().replace(b"490154203237518", b"Infinity"), [("FILE_UNREADABLE", None)]),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes, expected: list[tuple[str, str | None]]) -> None:
    assert fault(data) == expected


TREE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["ENROLLED", "SO-1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "devices", "deviceId", "outcome", "errors", "errorMessage"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


def harmless(data: bytes) -> None:
    with suppress(GenericFormatError):
        understood(response_json.read(data))


def understood(read: Read) -> None:
    assert read.totals.record_count == read.details.num_rows
    assert read.details.num_rows + 1 >= max((item.row or 0 for item in read.findings), default=0)


@given(TREE, st.sampled_from([*ENVELOPE]), TREE)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_arbitrary_json_does_no_harm(order: object, member: str, value: object) -> None:
    harmless(answer(order))
    harmless(answer({"id": "SO-1", "devices": [order]}))
    harmless(answer(**{member: value}))


@given(st.binary(max_size=200))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_arbitrary_bytes_do_no_harm(noise: bytes) -> None:
    harmless(noise)
    harmless(answer().replace(b"SO-1001", noise))
