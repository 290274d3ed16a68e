"""Order Dispatch as CMP-style JSON (Sales Order Dispatch 1.2, providers.md 5.2).

The published schema ends at `orders[]`; inside an order we use the vocabulary of the
enrolment schemas: deliveries of devices. A device's row number is its position in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from formats import json_text
from formats.findings import Finding
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.order_dispatch.raw import FileFault, RawRows

CATEGORY = "Sales Order"
INTERFACE = "Sales Order Dispatch"
VERSION = 1.2

_SHOWN = 20  # characters of what stands in a place of a number

_ORDER_FIELDS = {
    "id": "order_number",
    "requestType": "request_type",
    "orderDate": "order_date",
    "customerId": "customer_account",
    "deviceEnrolmentProviderId": "provider",
    "poNumber": "po_number",
}
_DELIVERY_FIELDS = {"deliveryNumber": "delivery_number", "shipDate": "ship_date"}
_DEVICE_FIELDS = {
    "lineNumber": "line_number",
    "enrolmentRequested": "enrolment_requested",
    "serialNumber": "serial_number",
    "imei": "imei",
    "imei2": "imei2",
    "meid": "meid",
    "mac": "mac",
    "manufacturer": "manufacturer",
    "model": "model",
    "assetTag": "asset_tag",
}


def read(data: bytes) -> RawRows:
    """Rows of text cells, one per device (a void order is one row). Raises FileFault."""
    document = _document(data)
    rows = list(_rows(document["orders"]))
    if not rows:
        raise FileFault([Finding("FILE_EMPTY")])
    claimed = document.get("recordCount")
    if type(claimed) is not int or claimed != len(document["orders"]):
        facts: dict[str, str | int] = {"claimed": str(claimed)[:_SHOWN], "counted": len(document["orders"])}
        raise FileFault([Finding("FILE_RECORD_COUNT", facts=facts)])
    columns = [pa.array([row.get(name) for row in rows], pa.string()) for name in ORDER_DISPATCH.names]
    numbers = pa.array(range(1, len(rows) + 1), pa.int64())
    return RawRows(pa.table(columns, schema=ORDER_DISPATCH.arrow()), numbers, ())


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json_text.parse(data)
    except UnicodeDecodeError:
        raise FileFault([Finding("FILE_ENCODING")]) from None
    except ValueError:
        raise FileFault([Finding("FILE_UNREADABLE")]) from None
    if not isinstance(document, dict):
        raise FileFault([Finding("FILE_UNREADABLE")])
    expected = {"interfaceCategory": CATEGORY, "interfaceType": INTERFACE, "version": VERSION}
    wrong = [Finding("FILE_HEADING", None, key) for key, value in expected.items() if document.get(key) != value]
    if wrong:
        raise FileFault(wrong)
    if not isinstance(document.get("orders"), list):
        raise FileFault([Finding("FILE_HEADING", None, "orders")])
    return document


def _rows(orders: list[Any]) -> Iterator[dict[str, str | None]]:
    for order in orders:
        head = _cells(order, _ORDER_FIELDS)
        deliveries = _children(order, "deliveries")
        if not deliveries:
            yield head | {"line_number": "1", "enrolment_requested": "Y"}
        for delivery in deliveries:
            shipped = _cells(delivery, _DELIVERY_FIELDS)
            for device in _children(delivery, "devices") or [{}]:  # none is a row that names no device
                yield {"enrolment_requested": "Y"} | head | shipped | _cells(device, _DEVICE_FIELDS)


def _children(parent: Mapping[str, Any], key: str) -> list[Any]:
    children = parent.get(key) or []
    if not isinstance(children, list):
        raise FileFault([Finding("FILE_HEADING", None, key)])
    return children


def _cells(item: Any, fields: Mapping[str, str]) -> dict[str, str | None]:
    """The cells that are given; only the enrolment flag may be true or false."""
    if not isinstance(item, dict):
        raise FileFault([Finding("FILE_UNREADABLE")])
    cells: dict[str, str | None] = {}
    for key, name in fields.items():
        value = item.get(key)
        if isinstance(value, bool) and name == "enrolment_requested":
            value = "Y" if value else "N"
        try:
            text = json_text.cell(value)
        except ValueError:
            raise FileFault([Finding("FILE_UNREADABLE", None, name)]) from None
        if text is not None:
            cells[name] = text
    return cells
