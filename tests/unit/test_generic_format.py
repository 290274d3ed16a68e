"""The generic format: what is written is read back, totals hold, and a strict reader refuses the rest."""

from __future__ import annotations

import csv
import hashlib
import io
import string
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.generic import reader, writer
from formats.generic.layout import HEADER, REQUEST_DETAIL, TRAILER, Interface
from formats.generic.model import GenericFormatError, Header, Totals
from tests.support.generic_files import (
    MOMENT,
    ORDER,
    REQUEST,
    RESPONSE,
    VOID,
    Cells,
    details,
    parts,
    resealed,
    small_request,
    small_response,
)

CALM = settings(max_examples=40, deadline=None, derandomize=True)
CONTROLS = [*map(chr, range(32)), *map(chr, range(0x7F, 0xA0))]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=CONTROLS), max_size=30)
TRICKY = st.text("a,\"; '\u2028é設", max_size=12)
KEY = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._/#-]{0,30}", fullmatch=True)
SERIAL = st.text(string.ascii_letters + string.digits, min_size=1, max_size=40)
WORDS = st.sampled_from(["NA", "null", "NaN", "#N/A", "007", "1e5", "true", " "])
OPTIONAL = st.none() | WORDS | (TEXT | TRICKY).filter(bool)
FIRST = datetime(1000, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 9000 * 365 * 86_400).map(lambda seconds: FIRST + timedelta(seconds=seconds))


@st.composite
def request_records(draw: st.DrawFn) -> list[Cells]:
    serials = draw(st.lists(SERIAL, max_size=8, unique=True))
    free = ("po_number", "manufacturer", "model", "asset_tag", "extensions")
    return [
        {
            **draw(st.sampled_from([ORDER, VOID])),
            "order_id": draw(KEY),
            "customer_id": draw(KEY),
            "serial_number": serial,
            **{name: draw(OPTIONAL) for name in free},
        }
        for serial in serials
    ]


@st.composite
def headers(draw: st.DrawFn) -> Header:
    number = st.integers(0, 10**18 - 1)
    provider = draw(st.from_regex("[a-z][a-z0-9_-]{0,39}", fullmatch=True))
    name = draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True))
    moment = draw(MOMENTS), draw(MOMENTS)
    return Header(Interface.REQUEST, draw(number), draw(KEY), draw(number), provider, *moment, name)


def cut_up(table: pa.Table, cut: int) -> pa.Table:
    """The same rows in two chunks, each a slice out of a longer table."""
    longer = pa.concat_tables([table, table, table]).combine_chunks()
    size = table.num_rows
    return pa.concat_tables([longer.slice(size, cut), longer.slice(size + cut, size - cut)])


@given(headers(), request_records(), st.integers(0, 8))
@CALM
def test_what_is_written_is_read_back(header: Header, records: list[Cells], cut: int) -> None:
    table = details(Interface.REQUEST, records)
    written = writer.write(header, table)
    found = reader.read(written.data, Interface.REQUEST)
    assert list(found.findings) == []
    assert (found.header, found.totals) == (header, written.totals)
    assert found.details.drop_columns(["record_type", "line_number"]).to_pylist() == table.to_pylist()
    assert found.details["line_number"].to_pylist() == [str(number) for number in range(1, len(records) + 1)]
    assert writer.write(header, cut_up(table, min(cut, len(records)))) == written


@given(request_records())
@CALM
def test_the_totals_are_those_of_the_bytes(records: list[Cells]) -> None:
    written = writer.write(REQUEST, details(Interface.REQUEST, records))
    assert written.totals == counted_again(written.data)


def counted_again(data: bytes) -> Totals:
    """With nothing of ours: csv, zlib and hashlib over the bytes."""
    lines = data.split(b"\n")
    assert lines.pop() == b""
    rows = list(csv.reader(io.StringIO(data.decode(), newline="\n"), strict=True))
    head, body, tail = rows[0], rows[1:-1], rows[-1]
    assert (head[0], tail[0], {row[0] for row in body} <= {"D"}) == ("H", "T", True)
    assert len(lines) == len(rows)  # one line per record
    devices = [next(cell for cell in row[9:13] if cell) for row in body]
    totals = Totals(
        record_count=len(body),
        order_count=len({row[2] for row in body}),
        hash_total=sum(zlib.crc32(device.encode()) for device in devices),
        detail_sha256=hashlib.sha256(b"".join(line + b"\n" for line in lines[1:-1])).hexdigest(),
    )
    assert tail[1:] == [str(totals.record_count), str(totals.order_count), str(totals.hash_total), totals.detail_sha256]
    assert head[11] == tail[1]
    return totals


def test_the_hash_total_is_the_published_crc() -> None:
    """CRC-32 ISO-HDLC has the check value CBF43926 for the text 123456789."""
    written = writer.write(REQUEST, details(Interface.REQUEST, [{**ORDER, "serial_number": "123456789"}]))
    assert written.totals.hash_total == 0xCBF43926


def test_a_response_counts_only_records_of_devices() -> None:
    found = reader.read(small_response(), Interface.RESPONSE)
    assert list(found.findings) == []
    assert found.totals.hash_total == sum(zlib.crc32(text) for text in (b"C02XK1AAJG5H", b"490154203237518"))
    assert (found.totals.record_count, found.totals.order_count) == (5, 2)


def test_only_the_header_depends_on_clock_and_sequence() -> None:
    table = details(Interface.REQUEST, [{**ORDER, "serial_number": "A1"}])
    first = writer.write(REQUEST, table).data
    assert writer.write(REQUEST, table).data == first
    later = replace(REQUEST, sequence=8, batch_date_time=MOMENT + timedelta(seconds=1))
    second = writer.write(later, table).data
    assert parts(first)[0] != parts(second)[0]
    assert parts(first)[1:] == parts(second)[1:]


def test_the_order_of_records_is_part_of_the_bytes() -> None:
    one, two = {**ORDER, "serial_number": "A1"}, {**ORDER, "serial_number": "A2"}
    digests = {
        writer.write(REQUEST, details(Interface.REQUEST, rows)).totals.detail_sha256
        for rows in ([one, two], [two, one])
    }
    assert len(digests) == 2


# --- what cannot be written ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "faults"),
    [
        ([{**VOID, "serial_number": "A1", "delivery_number": "DL-1"}], [("CELL_NOT_EMPTY", 1, "delivery_number")]),
        ([{**VOID, "serial_number": "A1", "ship_date": "2026-03-02T09:00:00Z"}], [("CELL_NOT_EMPTY", 1, "ship_date")]),
        ([{**ORDER, "serial_number": "A1", "delivery_number": None}], [("CELL_EMPTY", 1, "delivery_number")]),
        ([{**ORDER, "serial_number": "A1"}] * 2, [("ROW_DUPLICATE", row, "serial_number") for row in (1, 2)]),
        ([{**ORDER, "imei": "490154203237518"}] * 2, [("ROW_DUPLICATE", row, "imei") for row in (1, 2)]),
        ([{**ORDER, "serial_number": "A1"}, ORDER], [("DEVICE_UNIDENTIFIED", 2, "serial_number")]),
        ([{**ORDER, "imei": "490154203237519"}], [("IMEI_INVALID", 1, "imei")]),
        ([{**ORDER, "serial_number": "A1", "model": "a\nD,9"}], [("CELL_PATTERN", 1, "model")]),
        ([{**ORDER, "serial_number": "A1", "model": "a\rb"}], [("CELL_PATTERN", 1, "model")]),
        ([{**ORDER, "serial_number": "A1", "ship_date": "2026-02-01T00:00:00Z"}], [("DATE_ORDER", 1, "ship_date")]),
        ([{**ORDER, "serial_number": "A1", "request_type": "XX"}], [("CELL_CHOICE", 1, "request_type")]),
    ],
)
def test_a_record_that_breaks_the_layout_is_never_written(
    records: Sequence[Cells], faults: list[tuple[str, int, str]]
) -> None:
    with pytest.raises(GenericFormatError) as raised:
        writer.write(REQUEST, details(Interface.REQUEST, records))
    assert [(item.code, item.row, item.column) for item in raised.value.findings] == faults


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"provider_id": "acme,evil"}, "provider_id"),
        ({"batch_number": ""}, "batch_number"),
        ({"batch_number": "A\nD"}, "batch_number"),
        ({"batch_number": "A" * 41}, "batch_number"),
        ({"sequence": -1}, "sequence"),
        ({"identifier": 10**18}, "identifier"),
        ({"external_file_name": "../a.pgp"}, "external_file_name"),
        ({"batch_date_time": MOMENT.replace(year=999)}, "batch_date_time"),
    ],
)
def test_a_header_that_breaks_the_layout_is_never_written(changes: dict[str, Any], column: str) -> None:
    with pytest.raises(GenericFormatError) as raised:
        writer.write(replace(REQUEST, **changes), details(Interface.REQUEST, []))
    assert column in {item.column for item in raised.value.findings}


# --- the strict reader --------------------------------------------------------------------------

SMALL = writer.write(REQUEST, details(Interface.REQUEST, [{**ORDER, "serial_number": "A1", "model": 'é "x", y'}])).data
ANSWER = writer.write(RESPONSE, details(Interface.RESPONSE, [{"level": "FILE", "outcome": "ERROR"}])).data


def codes(data: bytes, interface: Interface = Interface.REQUEST) -> list[str]:
    """Finding codes of a file that is refused, or read with findings; none for a sound file."""
    try:
        return [finding.code for finding in reader.read(data, interface).findings]
    except GenericFormatError as error:
        return [finding.code for finding in error.findings]


@pytest.mark.parametrize(("data", "interface"), [(SMALL, Interface.REQUEST), (ANSWER, Interface.RESPONSE)])
def test_every_cut_file_is_refused(data: bytes, interface: Interface) -> None:
    assert codes(data, interface) == []
    for size in range(len(data)):
        with pytest.raises(GenericFormatError):
            reader.read(data[:size], interface)


@pytest.mark.parametrize(
    ("data", "interface", "bit"),
    [(SMALL, Interface.REQUEST, 0x01), (SMALL, Interface.REQUEST, 0x80), (ANSWER, Interface.RESPONSE, 0x10)],
)
def test_a_flipped_bit_is_found_or_stands_in_the_header_as_read(data: bytes, interface: Interface, bit: int) -> None:
    """Nothing but the H record may change unnoticed, and of it only what it says.

    No total covers the H record: the signature does, and the checks of sequence, batch and provider.
    """
    head_size = len(parts(data)[0])
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
        try:
            found = reader.read(changed, interface)
        except GenericFormatError:
            continue
        if not found.findings:
            assert place < head_size, changed
            cells = parts(changed)[0].decode().strip("\n").split(",")
            header = found.header
            assert [int(cells[5]), cells[6], int(cells[7]), cells[8]] == [
                header.identifier,
                header.batch_number,
                header.sequence,
                header.provider_id,
            ]
            assert cells[9:11] == [writer.moment(header.batch_date_time), writer.moment(header.extract_date_time)]
            assert (cells[12], header == REQUEST) == (header.external_file_name, False)


HEAD, BODY, TAIL = parts(SMALL)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["FILE_EMPTY"]),
        (b"\n", ["GENERIC_HEADER"]),
        (SMALL.replace(b"\n", b"\r\n"), ["GENERIC_HEADER"]),
        (HEAD[:-1] + b"\r\n" + BODY + TAIL, ["GENERIC_HEADER"]),
        (HEAD + BODY + TAIL[:-1] + b"\r\n", ["GENERIC_TRAILER"]),
        (resealed(SMALL, BODY[:-1] + b"\r\n"), ["GENERIC_RECORD"]),
        (resealed(SMALL, BODY[:-1] + b"\r" + BODY), ["GENERIC_RECORD"]),
        (b"\xef\xbb\xbf" + SMALL, ["GENERIC_HEADER"]),
        (b" " + SMALL, ["GENERIC_HEADER"]),
        (SMALL.replace("é".encode(), b"\xe9"), ["FILE_ENCODING"]),
        (SMALL.decode().encode("utf-16"), ["GENERIC_TRAILER"]),
        (BODY + TAIL, ["GENERIC_HEADER"]),
        (HEAD + SMALL, ["GENERIC_HEADER"]),
        (HEAD + BODY + HEAD + TAIL, ["GENERIC_HEADER"]),
        (HEAD, ["GENERIC_TRAILER"]),
        (HEAD + BODY, ["GENERIC_TRAILER"]),
        (SMALL + TAIL, ["GENERIC_TRAILER"]),
        (HEAD + TAIL + BODY + TAIL, ["GENERIC_TRAILER"]),
        (SMALL[:-1], ["GENERIC_TRAILER"]),
        (SMALL + b"\n", ["GENERIC_TRAILER"]),
        (SMALL.replace(b"GENERIC,1,", b"GENERIC,2,"), ["GENERIC_HEADER"]),
        (SMALL.replace(b"MUSTER-GENERIC", b"OTHER-GENERIC"), ["GENERIC_HEADER"]),
        (SMALL.replace(b"Enrolment Request", b"Enrolment Response"), ["GENERIC_HEADER"]),
        (SMALL.replace(b"2026-03-05T14:30:00Z", b"2026-02-30T14:30:00Z", 1), ["GENERIC_HEADER"]),
        (SMALL.replace(b"\nD,", b"\nX,"), ["GENERIC_RECORD"]),
        (SMALL.replace(b",A1,", b",A1,,"), ["GENERIC_RECORD"]),
        (HEAD + BODY.replace(b",A1,", b",A2,") + TAIL, ["TRAILER_HASH_TOTAL", "TRAILER_DIGEST"]),
        (HEAD.replace(b",1,acme-", b",2,acme-") + BODY + TAIL, ["FILE_RECORD_COUNT"]),
        (HEAD + BODY + TAIL.replace(b"T,1,", b"T,2,"), ["TRAILER_RECORD_COUNT"]),
        (HEAD + BODY + TAIL.replace(b"T,1,1,", b"T,1,2,"), ["TRAILER_ORDER_COUNT"]),
        (HEAD + BODY + TAIL.replace(b"T,1,1,", b"T,1,1,9"), ["TRAILER_HASH_TOTAL"]),
        (HEAD + BODY + TAIL.replace(b"T,1,1,", b"T,1,1,-"), ["GENERIC_TRAILER"]),
        (HEAD + BODY + TAIL[:-65] + TAIL[-65:].upper(), ["GENERIC_TRAILER"]),
        (
            HEAD + TAIL,
            [
                "TRAILER_RECORD_COUNT",
                "TRAILER_ORDER_COUNT",
                "TRAILER_HASH_TOTAL",
                "TRAILER_DIGEST",
                "FILE_RECORD_COUNT",
            ],
        ),
        (resealed(SMALL, BODY.replace(b",OR,", b",VD,")), ["CELL_NOT_EMPTY", "CELL_NOT_EMPTY"]),
        (resealed(SMALL, BODY.replace("é".encode(), b"\x1b")), ["CELL_PATTERN"]),
        (resealed(SMALL, BODY.replace("é".encode(), b"\0")), ["CELL_PATTERN"]),
    ],
)
def test_what_is_wrong_is_named(data: bytes, expected: list[str]) -> None:
    assert codes(data) == expected


def test_the_other_layout_is_refused() -> None:
    assert codes(SMALL, Interface.RESPONSE) == ["GENERIC_HEADER"]
    assert codes(ANSWER, Interface.REQUEST) == ["GENERIC_HEADER"]


def test_rows_are_counted_from_the_h_record() -> None:
    body = parts(small_request())[1].replace(b"490154203237518", b"490154203237519")
    found = reader.read(resealed(small_request(), body), Interface.REQUEST)
    assert [(item.code, item.row, item.column) for item in found.findings][:1] == [("IMEI_INVALID", 3, "imei")]


def test_lying_counts_are_told_with_both_numbers() -> None:
    found = reader.read(HEAD + BODY + TAIL.replace(b"T,1,", b"T,7,"), Interface.REQUEST)
    assert [dict(item.facts) for item in found.findings] == [{"claimed": 7, "counted": 1}]


def test_a_device_twice_in_one_file_is_found_at_both_records() -> None:
    body = BODY + BODY.replace(b"D,1,", b"D,2,")
    found = reader.read(resealed(SMALL, body), Interface.REQUEST)
    doubled = [(item.row, item.column) for item in found.findings if item.code == "ROW_DUPLICATE"]
    assert doubled == [(2, "serial_number"), (3, "serial_number")]


def test_quotes_that_are_not_needed_are_understood() -> None:
    """RFC 4180 allows a partner to quote every cell."""
    body = ",".join('"' + cell.replace('"', '""') + '"' for cell in next(csv.reader([BODY.decode()]))) + "\n"
    found = reader.read(resealed(SMALL, body.encode()), Interface.REQUEST)
    assert list(found.findings) == []
    assert found.details.equals(reader.read(SMALL, Interface.REQUEST).details)


def test_a_flood_of_findings_is_cut() -> None:
    size = 1500
    records = [{**ORDER, "serial_number": f"A{number}"} for number in range(size)]
    data = writer.write(REQUEST, details(Interface.REQUEST, records)).data
    found = reader.read(resealed(data, parts(data)[1].replace(b",OR,", b",XX,")), Interface.REQUEST)
    assert {item.code for item in found.findings} == {"CELL_CHOICE"}
    assert len(found.findings) == 1000


def test_every_layout_has_its_cells_in_the_published_order() -> None:
    head, body, tail = parts(small_request())
    assert [len(row) for row in csv.reader((head + body + tail).decode().split("\n")[:-1])] == [13, *[17] * 4, 5]
    assert [len(HEADER.columns), len(REQUEST_DETAIL.columns), len(TRAILER.columns)] == [13, 17, 5]


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode), st.sampled_from(list(Interface)))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_bytes_are_more_than_refused(noise: bytes, interface: Interface) -> None:
    for data in (noise, b"H," + noise + b"\n", HEAD + noise + b"\n" + TAIL):
        assert codes(data, interface) != []


def test_a_local_time_never_passes_for_utc() -> None:
    local = replace(REQUEST, batch_date_time=MOMENT.astimezone(timezone(timedelta(hours=2))))
    assert (
        parts(writer.write(local, details(Interface.REQUEST, [])).data)[0]
        == parts(writer.write(REQUEST, details(Interface.REQUEST, [])).data)[0]
    )
