"""Generic files of an invented provider, for the tests of the format."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import pyarrow as pa

from formats.generic import writer
from formats.generic.layout import DETAIL_OF, Interface
from formats.generic.model import Header

MOMENT = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
REQUEST = Header(Interface.REQUEST, 42, "ACME-000042", 7, "acme", MOMENT, MOMENT, "acme-OUT-000007.pgp")
RESPONSE = Header(Interface.RESPONSE, 9, "ACME-000042", 3, "acme", MOMENT, MOMENT, "acme-IN-000003.pgp")

Cells = Mapping[str, str | None]

ORDER: Cells = {
    "order_id": "SO-1001",
    "request_type": "OR",
    "order_date": "2026-03-01T09:00:00Z",
    "customer_id": "ORG-77",
    "po_number": "PO-9",
    "delivery_number": "DL-1",
    "ship_date": "2026-03-02T09:00:00Z",
}
VOID: Cells = {**ORDER, "request_type": "VD", "delivery_number": None, "ship_date": None}


def details(interface: Interface, records: Iterable[Cells]) -> pa.Table:
    """D records as the writer takes them: without record type and line number."""
    rows, names = list(records), DETAIL_OF[interface].names[2:]
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def small_request() -> bytes:
    """Two orders and a void, with every identifier and the characters that need care."""
    records: list[Cells] = [
        {**ORDER, "serial_number": "C02XK1AAJG5H", "manufacturer": 'Example "Devices", Ltd', "model": "ED-10"},
        {**ORDER, "imei": "490154203237518", "asset_tag": "Müller 設備", "extensions": '{"profile":"kiosk"}'},
        {**ORDER, "order_id": "SO-1002", "request_type": "RE", "meid": "A1000049A5F3B2", "po_number": None},
        {**VOID, "order_id": "SO-0999", "mac": "02:1A:2B:3C:4D:5E"},
    ]
    return writer.write(REQUEST, details(Interface.REQUEST, records)).data


def small_response() -> bytes:
    """One record of each level."""
    device: Cells = {"level": "DEVICE", "order_id": "SO-1001", "delivery_number": "DL-1"}
    records: list[Cells] = [
        {**device, "device_id": "C02XK1AAJG5H", "outcome": "ENROLLED", "provider_code": "COMPLETE"},
        {**device, "device_id": "490154203237518", "outcome": "REJECTED", "message": 'Device id "invalid", see log'},
        {"level": "DELIVERY", "order_id": "SO-1001", "delivery_number": "DL-1", "outcome": "COMPLETE_WITH_ERRORS"},
        {"level": "ORDER", "order_id": "SO-1002", "outcome": "ERROR", "provider_code": "OR-4110"},
        {"level": "FILE", "outcome": "COMPLETE_WITH_ERRORS", "message": "überprüft"},
    ]
    return writer.write(RESPONSE, details(Interface.RESPONSE, records)).data


def parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    """H line, D lines, T line."""
    lines = data.splitlines(keepends=True)
    return lines[0], b"".join(lines[1:-1]), lines[-1]


def resealed(data: bytes, body: bytes) -> bytes:
    """`data` with another body and a digest that fits it; the counts stay as claimed."""
    head, _, tail = parts(data)
    claimed = tail.rsplit(b",", 1)[0]
    return head + body + claimed + b"," + hashlib.sha256(body).hexdigest().encode() + b"\n"
