"""The Order Dispatch record: one row per order line."""

from __future__ import annotations

from formats.enrolment import ORDER_NUMBER_LENGTH, RequestType
from formats.identifiers import DEVICE_COLUMNS
from formats.schema import (
    AnyGiven,
    Column,
    EmptyWhen,
    Kind,
    NotBefore,
    RecordSchema,
    RequiredWhen,
    UniqueTogether,
)

_KEY = r"[A-Za-z0-9][A-Za-z0-9 ._/#-]*"
_VOID = (RequestType.VOID.value,)
_WITH_DEVICE = (RequestType.ORDER.value, RequestType.RETURN.value, RequestType.OVERRIDE.value)

ORDER_DISPATCH = RecordSchema(
    "order_dispatch",
    "Order Dispatch",
    (
        Column(
            "order_number",
            "Order number",
            "A return has an order number of its own",
            "SO-1001",
            required=True,
            pattern=_KEY,
            max_length=ORDER_NUMBER_LENGTH,
        ),
        Column("line_number", "Line number", "Number of the line within its order", "1", Kind.INTEGER, True),
        Column(
            "request_type",
            "Request type",
            "OR order, RE return, VD void, OV override",
            "OR",
            Kind.CHOICE,
            True,
            choices=tuple(RequestType),
        ),
        Column(
            "order_date",
            "Order date",
            "When the order was placed (UTC); a date alone means its first second",
            "2026-03-01T09:00:00Z",
            Kind.MOMENT,
            True,
        ),
        Column(
            "customer_account",
            "Customer account",
            "The customer's account number with us",
            "C-1007",
            required=True,
            pattern=_KEY,
            max_length=64,
        ),
        Column(
            "provider",
            "Provider",
            "The Device Enrolment Provider to enrol at",
            "acme",
            required=True,
            pattern="[a-z][a-z0-9_-]*",
            max_length=40,
        ),
        Column(
            "enrolment_requested",
            "Enrolment requested",
            "Y: enrol the device; N: dispatched without enrolment",
            "Y",
            Kind.CHOICE,
            True,
            choices=("Y", "N"),
        ),
        Column("po_number", "Purchase order", "The customer's purchase order number", "PO-9", max_length=100),
        Column(
            "delivery_number",
            "Delivery",
            "Delivery the device left with; empty for a void",
            "DL-1",
            pattern=_KEY,
            max_length=32,
        ),
        Column(
            "ship_date",
            "Ship date",
            "When the delivery left (UTC), not before the order date",
            "2026-03-02",
            Kind.MOMENT,
        ),
        Column("serial_number", "Serial number", "Serial number, case kept", "C02XK1AAJG5H", Kind.SERIAL),
        Column("imei", "IMEI", "15 digits with check digit", "490154203237518", Kind.IMEI),
        Column(
            "meid",
            "MEID",
            "14 hexadecimal digits, first from A, or 14 or 18 decimal digits",
            "A1000049A5F3B2",
            Kind.MEID,
        ),
        Column("mac", "MAC address", "Six hexadecimal pairs", "02:1A:2B:3C:4D:5E", Kind.MAC),
        Column(
            "manufacturer", "Manufacturer", "Manufacturer as built into the device", "Example Devices", max_length=100
        ),
        Column("model", "Model", "Model as built into the device", "ED-10", max_length=100),
        Column("asset_tag", "Asset tag", "The customer's asset tag", "AT-000017", max_length=128),
        Column("imei2", "IMEI 2", "Second IMEI of the same device", "356938035643809", Kind.IMEI),
    ),
    (
        AnyGiven(DEVICE_COLUMNS, unless="request_type", values=_VOID),
        RequiredWhen("delivery_number", "request_type", _WITH_DEVICE),
        RequiredWhen("ship_date", "request_type", _WITH_DEVICE),
        EmptyWhen("delivery_number", "request_type", _VOID),
        *(EmptyWhen(name, "request_type", _VOID) for name in DEVICE_COLUMNS),
        NotBefore("ship_date", "order_date"),
        UniqueTogether(("provider", "order_number", "request_type", "order_date", "line_number")),
        *(UniqueTogether((name, "request_type")) for name in DEVICE_COLUMNS),
    ),
)
