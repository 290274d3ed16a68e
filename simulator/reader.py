"""Reads generic-format requests, written from docs/generic-format.md alone.

It shares no code with Muster's own reader, so that one mistake cannot pass on both sides.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from simulator.errors import SimulatorError

TOTALS = "GEN-002"
UNREADABLE = "GEN-004"

_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_NUMBER = r"\d{1,18}"
_KEY = r"[A-Za-z0-9][A-Za-z0-9 ._/#-]*"
_HEADER = (
    *("H", "MUSTER-GENERIC", "1", "Device Enrolment", "Device Enrolment Request"),
    *(_NUMBER, rf"(?=.{{1,40}}$){_KEY}", _NUMBER, r"[a-z][a-z0-9_-]{0,39}"),
    *(_MOMENT, _MOMENT, _NUMBER, r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"),
)
_TRAILER = ("T", _NUMBER, _NUMBER, _NUMBER, "[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class RequestLine(NamedTuple):
    """One D record of a request; an empty cell is an empty text."""

    record_type: str
    line_number: str
    order_id: str
    request_type: str
    order_date: str
    customer_id: str
    po_number: str
    delivery_number: str
    ship_date: str
    serial_number: str
    imei: str
    meid: str
    mac: str
    manufacturer: str
    model: str
    asset_tag: str
    extensions: str

    @property
    def device_id(self) -> str:
        return self.serial_number or self.imei or self.meid or self.mac


REQUEST_COLUMNS = RequestLine._fields


@dataclass(frozen=True)
class RequestHeader:
    """What the H record says about the file."""

    identifier: int
    batch_number: str
    sequence: int
    provider_id: str
    batch_date_time: str
    extract_date_time: str
    record_count: int
    external_file_name: str


@dataclass(frozen=True)
class RequestFile:
    header: RequestHeader
    lines: tuple[RequestLine, ...]


class RequestRefused(SimulatorError):
    """The file may not be processed. `header` is None if not even that could be read."""

    def __init__(self, code: str, what: str, header: RequestHeader | None = None) -> None:
        super().__init__(f"{code} {what}")
        self.code = code
        self.what = what
        self.header = header


def read_request(data: bytes) -> RequestFile:
    """A request file from its plaintext. Raises RequestRefused; `what` names line numbers only."""
    head, body, tail = _split(data)
    header = _header(head)
    try:
        lines = tuple(RequestLine(*cells) for cells in _records(body))
    except (TypeError, csv.Error):
        raise RequestRefused(UNREADABLE, "a D record has not 17 cells", header) from None
    _compare_totals(header, lines, body, tail)
    _check_lines(header, lines)
    return RequestFile(header, lines)


def _split(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The H line, the D lines, the T line, each with its line end."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise RequestRefused(UNREADABLE, "not UTF-8") from None
    if _CONTROL.search(text):
        raise RequestRefused(UNREADABLE, "a control character other than LF")
    if not data.endswith(b"\n") or data.count(b"\n") < 2:
        raise RequestRefused(UNREADABLE, "no whole H and T record")
    head_end = data.index(b"\n") + 1
    tail_start = data.rindex(b"\n", 0, -1) + 1
    return data[:head_end], data[head_end:tail_start], data[tail_start:]


def _records(block: bytes) -> list[list[str]]:
    """The records of some lines; a record that goes over a line end is refused."""
    records = list(csv.reader(io.StringIO(block.decode(), newline=""), strict=True))
    if len(records) != block.count(b"\n"):
        raise csv.Error("a cell holds a line end")
    return records


def _one(line: bytes, patterns: tuple[str, ...]) -> list[str] | None:
    """The cells of one record if each matches its pattern, else None."""
    try:
        (cells,) = _records(line)
    except (csv.Error, ValueError):
        return None
    if len(cells) != len(patterns):
        return None
    return cells if all(re.fullmatch(*pair, re.ASCII) for pair in zip(patterns, cells, strict=True)) else None


def _header(line: bytes) -> RequestHeader:
    cells = _one(line, _HEADER)
    if cells is None:
        raise RequestRefused(UNREADABLE, "the H record is wrong")
    return RequestHeader(
        identifier=int(cells[5]),
        batch_number=cells[6],
        sequence=int(cells[7]),
        provider_id=cells[8],
        batch_date_time=cells[9],
        extract_date_time=cells[10],
        record_count=int(cells[11]),
        external_file_name=cells[12],
    )


def _compare_totals(header: RequestHeader, lines: tuple[RequestLine, ...], body: bytes, tail: bytes) -> None:
    trailer = _one(tail, _TRAILER)
    if trailer is None:
        raise RequestRefused(UNREADABLE, "the T record is wrong", header)
    pairs = {
        "record count of the H record": (header.record_count, len(lines)),
        "record count": (int(trailer[1]), len(lines)),
        "order count": (int(trailer[2]), len({line.order_id for line in lines} - {""})),
        "hash total": (int(trailer[3]), sum(zlib.crc32(line.device_id.encode()) for line in lines)),
        "detail SHA-256": (trailer[4], hashlib.sha256(body).hexdigest()),
    }
    wrong = [name for name, (claimed, counted) in pairs.items() if claimed != counted]
    if wrong:
        raise RequestRefused(TOTALS, f"disagrees: {', '.join(wrong)}", header)


def _delivery_fits(line: RequestLine) -> bool:
    if line.request_type == "VD":
        return not line.delivery_number and not line.ship_date
    if line.request_type == "OV" and line.delivery_number != "SELF":
        return False
    return bool(line.delivery_number) and re.fullmatch(_MOMENT, line.ship_date) is not None


_CHECKS: tuple[tuple[str, Callable[[RequestLine], bool]], ...] = (
    ("record type is not D", lambda line: line.record_type == "D"),
    ("request type is unknown", lambda line: line.request_type in ("OR", "RE", "VD", "OV")),
    ("order number is missing", lambda line: bool(line.order_id)),
    ("customer id is missing", lambda line: bool(line.customer_id)),
    ("order date is no date-time", lambda line: re.fullmatch(_MOMENT, line.order_date) is not None),
    ("device id is missing", lambda line: bool(line.device_id)),
    ("delivery or ship date does not fit the request type", _delivery_fits),
    ("ship date is before the order date", lambda line: not line.ship_date or line.ship_date >= line.order_date),
)


def _check_lines(header: RequestHeader, lines: tuple[RequestLine, ...]) -> None:
    for number, line in enumerate(lines, 1):
        if line.line_number != str(number):
            raise RequestRefused(UNREADABLE, f"line {number}: line number is not its position", header)
        for what, holds in _CHECKS:
            if not holds(line):
                raise RequestRefused(UNREADABLE, f"line {number}: {what}", header)
    if len({line.device_id for line in lines}) != len(lines):
        raise RequestRefused(UNREADABLE, "a device stands in the file more than once", header)
