"""Two independent readings of one specification: what one side writes, the other reads."""

from __future__ import annotations

import string
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.generic import reader, writer
from formats.generic.layout import Interface
from formats.generic.model import Header
from simulator.reader import REQUEST_COLUMNS, RequestLine, RequestRefused, read_request
from simulator.writer import Answer, ResponseHeader, details_of, write_response

MOMENT = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30)
KEY = st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)
GIVEN = REQUEST_COLUMNS[2:]


def order_line(serial: str, **cells: str) -> dict[str, str]:
    base = {
        **dict.fromkeys(GIVEN, ""),
        "order_id": "SO-1",
        "request_type": "OR",
        "order_date": "2026-03-01T09:00:00Z",
        "customer_id": "ORG-77",
        "delivery_number": "DL-1",
        "ship_date": "2026-03-02T09:00:00Z",
        "serial_number": serial,
    }
    return {**base, **cells}


@st.composite
def request_lines(draw: st.DrawFn) -> list[dict[str, str]]:
    serials = draw(st.lists(KEY, min_size=1, max_size=8, unique=True))
    lines = []
    for serial in serials:
        kind = draw(st.sampled_from(["OR", "RE", "VD", "OV"]))
        cells = {name: draw(TEXT) for name in ("po_number", "manufacturer", "model", "asset_tag", "extensions")}
        delivery = {"OV": "SELF", "VD": ""}.get(kind, draw(KEY))
        cells |= {"request_type": kind, "order_id": draw(KEY), "delivery_number": delivery}
        if kind == "VD":
            cells["ship_date"] = ""
        lines.append(order_line(serial, **cells))
    return lines


def written(lines: list[dict[str, str]]) -> bytes:
    header = Header(Interface.REQUEST, 42, "ACME-000042", 7, "acme", MOMENT, MOMENT, "acme-OUT-000007.pgp")
    table = pa.table({name: pa.array([cells[name] or None for cells in lines], pa.string()) for name in GIVEN})
    return writer.write(header, table).data


@given(request_lines())
@settings(max_examples=150, deadline=None)
def test_the_simulator_reads_what_the_product_writes(lines: list[dict[str, str]]) -> None:
    request = read_request(written(lines))
    assert request.lines == tuple(RequestLine("D", str(number), **cells) for number, cells in enumerate(lines, 1))
    header = request.header
    assert (header.identifier, header.batch_number, header.sequence) == (42, "ACME-000042", 7)
    assert (header.provider_id, header.record_count) == ("acme", len(lines))
    assert (header.batch_date_time, header.external_file_name) == ("2026-03-05T14:30:00Z", "acme-OUT-000007.pgp")


ANSWERS = st.one_of(
    st.builds(Answer, st.just("FILE"), st.just(""), st.just(""), st.just(""), st.just("ERROR"), TEXT, TEXT),
    st.builds(Answer, st.just("ORDER"), KEY, st.just(""), st.just(""), st.just("COMPLETE"), TEXT, TEXT),
    st.builds(Answer, st.just("DELIVERY"), KEY, KEY, st.just(""), st.just("COMPLETE"), TEXT, TEXT),
    st.builds(Answer, st.just("DEVICE"), KEY, KEY, TEXT.filter(bool), st.just("ENROLLED"), TEXT, TEXT),
)  # fmt: skip


@given(st.lists(ANSWERS, max_size=8))
@settings(max_examples=150, deadline=None)
def test_the_product_reads_what_the_simulator_writes(answers: list[Answer]) -> None:
    header = ResponseHeader(
        9, "ACME-000042", 3, "acme", "2026-03-05T14:30:00Z", "2026-03-05T15:00:00Z", "acme-IN-000003.pgp"
    )
    answer = reader.read(write_response(header, details_of(answers)), Interface.RESPONSE)
    assert answer.findings == []
    assert (answer.header.batch_number, answer.header.sequence, answer.header.identifier) == ("ACME-000042", 3, 9)
    assert (answer.header.batch_date_time, answer.header.external_file_name) == (MOMENT, "acme-IN-000003.pgp")
    rows = answer.details.select(list(Answer._fields)).to_pylist()
    assert [Answer(**{name: value or "" for name, value in row.items()}) for row in rows] == answers


GOOD = written([order_line("A1", po_number='a "quoted", cell'), order_line("A2")])


@pytest.mark.parametrize(
    ("old", "new", "code", "what"),
    [
        (b"MUSTER-GENERIC,1,", b"MUSTER-GENERIC,2,", "GEN-004", "H record"),
        (b"Enrolment Request", b"Enrolment Response", "GEN-004", "H record"),
        (b"D,2,", b"D,3,", "GEN-002", "detail SHA-256"),
        (b",A2,", b",A3,", "GEN-002", "hash total, detail SHA-256"),
        (b"D,2,SO-1,", b"D,2,SO-2,", "GEN-002", "order count"),
        (b",2,acme-OUT", b",3,acme-OUT", "GEN-002", "record count of the H record"),
        (b"\nT,2,1,", b"\nT,3,1,", "GEN-002", "record count"),
        (b"\nT,2,1,", b"\nX,2,1,", "GEN-004", "T record"),
        (b",A2,", b",A2,,", "GEN-004", "17 cells"),
        (b"A2", b"A\x072", "GEN-004", "control character"),
        (b"A2", b"A\r2", "GEN-004", "control character"),
        (b"A2", b"A\xff2", "GEN-004", "UTF-8"),
        (b",A2,", b',"A\n2",', "GEN-004", "17 cells"),
        (b"H,", b"\xef\xbb\xbfH,", "GEN-004", "H record"),
    ],
)
def test_a_broken_request_is_refused(old: bytes, new: bytes, code: str, what: str) -> None:
    assert GOOD.count(old) == 1 or old == b"H,"
    with pytest.raises(RequestRefused) as refused:
        read_request(GOOD.replace(old, new, 1))
    assert refused.value.code == code
    assert what in refused.value.what


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ({"request_type": "XX"}, "request type"),
        ({"order_id": ""}, "order number"),
        ({"customer_id": ""}, "customer id"),
        ({"order_date": "2026-03-01"}, "order date"),
        ({"serial_number": ""}, "device id"),
        ({"serial_number": "A1"}, "more than once"),
        ({"ship_date": ""}, "ship date does not fit"),
        ({"ship_date": "2026-02-28T00:00:00Z"}, "before the order date"),
        ({"request_type": "VD"}, "does not fit"),
        ({"request_type": "OV"}, "does not fit"),
    ],
)
def test_a_wrong_record_is_refused_and_named_by_its_line(cells: dict[str, str], what: str) -> None:
    """The totals are right: the simulator's own writer made them from the wrong record."""
    lines = [RequestLine("D", str(number), **order_line(f"A{number}")) for number in (1, 2)]
    lines[1] = lines[1]._replace(**cells)
    body = b"".join((",".join(line) + "\n").encode() for line in lines)
    with pytest.raises(RequestRefused) as refused:
        read_request(with_totals(body, lines))
    assert (refused.value.code, refused.value.header is None) == ("GEN-004", False)
    assert what in refused.value.what
    assert "A1" not in refused.value.what


def with_totals(body: bytes, lines: list[RequestLine]) -> bytes:
    answers = [Answer("DEVICE", line.order_id, "", line.device_id, "", "", "") for line in lines]
    details = details_of(answers)
    header = ResponseHeader(
        1, "ACME-1", 1, "acme", "2026-03-05T14:30:00Z", "2026-03-05T14:30:00Z", "acme-OUT-000001.pgp"
    )
    whole = write_response(header, type(details)(body, len(lines), details.order_count, details.hash_total))
    return whole.replace(b"Response", b"Request", 1)


@pytest.mark.parametrize("data", [b"", b"\n", b"H\n", GOOD[:-1], GOOD[:40]])
def test_a_cut_request_is_refused(data: bytes) -> None:
    with pytest.raises(RequestRefused):
        read_request(data)


def test_an_empty_request_is_read() -> None:
    assert read_request(with_totals(b"", [])).lines == ()
