"""The generic format, version 1: every record of it, declared once.

A file is one H record, D records, one T record: RFC 4180 text, UTF-8, LF. Request and
response share H and T and differ in D.
"""

from __future__ import annotations

from enum import StrEnum

from formats.enrolment import BATCH_NUMBER_LENGTH, ORDER_NUMBER_LENGTH, Level, Outcome, RequestType
from formats.identifiers import IDENTIFIER_COLUMNS
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

FORMAT_NAME = "MUSTER-GENERIC"
FORMAT_VERSION = "1"
INTERFACE_CATEGORY = "Device Enrolment"
OVERRIDE_DELIVERY = "SELF"
"""The delivery number of an override (providers.md 1.2)."""


class Interface(StrEnum):
    """The interface type in the H record: which of the two layouts the D records have."""

    REQUEST = "Device Enrolment Request"
    RESPONSE = "Device Enrolment Response"


_KEY = r"[A-Za-z0-9][A-Za-z0-9 ._/#-]*"
_FILE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_DEVICE = AnyGiven(IDENTIFIER_COLUMNS)
_DELIVERED = (RequestType.ORDER.value, RequestType.RETURN.value, RequestType.OVERRIDE.value)


def _record_type(letter: str) -> Column:
    return Column("record_type", "Record type", f"Always {letter}", letter, Kind.CHOICE, True, choices=(letter,))


HEADER = RecordSchema(
    "generic_header",
    "H record",
    (
        _record_type("H"),
        Column("format", "Format", "Name of the format", FORMAT_NAME, Kind.CHOICE, True, choices=(FORMAT_NAME,)),
        Column(
            "version", "Version", "Version of the format", FORMAT_VERSION, Kind.CHOICE, True, choices=(FORMAT_VERSION,)
        ),
        Column(
            "interface_category",
            "Interface category",
            "CMP interface category",
            INTERFACE_CATEGORY,
            Kind.CHOICE,
            True,
            choices=(INTERFACE_CATEGORY,),
        ),
        Column(
            "interface_type",
            "Interface type",
            "Which D layout follows",
            Interface.REQUEST,
            Kind.CHOICE,
            True,
            choices=tuple(Interface),
        ),
        Column("identifier", "Identifier", "Number of the file, unique at its sender", "42", Kind.INTEGER, True),
        Column(
            "batch_number",
            "Batch number",
            "The batch that is requested or answered",
            "ACME-000042",
            required=True,
            pattern=_KEY,
            max_length=BATCH_NUMBER_LENGTH,
        ),
        Column(
            "sequence",
            "Sequence",
            "Running number per provider and direction, from 1; no number is used twice",
            "42",
            Kind.INTEGER,
            True,
        ),
        Column(
            "provider_id",
            "Device Enrolment Provider id",
            "The provider the file goes to or comes from",
            "acme",
            required=True,
            pattern="[a-z][a-z0-9_-]*",
            max_length=40,
        ),
        Column(
            "batch_date_time",
            "Batch date-time",
            "When the batch was made (UTC)",
            "2026-03-05T14:30:00Z",
            Kind.MOMENT,
            True,
        ),
        Column(
            "extract_date_time",
            "Extract date-time",
            "When this file was written (UTC)",
            "2026-03-05T14:30:00Z",
            Kind.MOMENT,
            True,
        ),
        Column("record_count", "Record count", "Number of D records", "1000", Kind.INTEGER, True),
        Column(
            "external_file_name",
            "External file name",
            "Name of this file",
            "acme-OUT-000042.pgp",
            required=True,
            pattern=_FILE_NAME,
            max_length=128,
        ),
    ),
)

REQUEST_DETAIL = RecordSchema(
    "generic_request",
    "D record of a Device Enrolment Request",
    (
        _record_type("D"),
        Column("line_number", "Line number", "Position of the record in the file, from 1", "1", Kind.INTEGER, True),
        Column(
            "order_id",
            "Order",
            "Order number; a return has one of its own",
            "SO-1001",
            required=True,
            pattern=_KEY,
            max_length=ORDER_NUMBER_LENGTH,
        ),
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
            "order_date", "Order date", "When the order was placed (UTC)", "2026-03-01T09:00:00Z", Kind.MOMENT, True
        ),
        Column(
            "customer_id",
            "Customer organisation id",
            "The customer's organisation id at the provider",
            "ORG-77",
            required=True,
            pattern=_KEY,
            max_length=32,
        ),
        Column("po_number", "Purchase order", "The customer's purchase order number", "PO-9", max_length=100),
        Column(
            "delivery_number",
            "Delivery",
            "Delivery number; SELF for an override; empty for a void",
            "DL-1",
            pattern=_KEY,
            max_length=32,
        ),
        Column(
            "ship_date",
            "Ship date",
            "When the delivery left (UTC), not before the order date",
            "2026-03-02T09:00:00Z",
            Kind.MOMENT,
        ),
        Column("serial_number", "Serial number", "Serial number, case kept", "C02XK1AAJG5H", Kind.SERIAL),
        Column("imei", "IMEI", "15 digits with check digit", "490154203237518", Kind.IMEI),
        Column(
            "meid", "MEID", "14 hexadecimal digits, first from A, or 14 decimal digits", "A1000049A5F3B2", Kind.MEID
        ),
        Column("mac", "MAC address", "Six upper-case pairs with colons", "02:1A:2B:3C:4D:5E", Kind.MAC),
        Column(
            "manufacturer", "Manufacturer", "Manufacturer as built into the device", "Example Devices", max_length=100
        ),
        Column("model", "Model", "Model as built into the device", "ED-10", max_length=100),
        Column("asset_tag", "Asset tag", "The customer's asset tag", "AT-000017", max_length=128),
        Column(
            "extensions",
            "Extensions",
            "JSON object of further values, text to text",
            '{"profile":"kiosk"}',
            max_length=4000,
        ),
    ),
    (
        _DEVICE,
        RequiredWhen("delivery_number", "request_type", _DELIVERED),
        RequiredWhen("ship_date", "request_type", _DELIVERED),
        EmptyWhen("delivery_number", "request_type", (RequestType.VOID.value,)),
        EmptyWhen("ship_date", "request_type", (RequestType.VOID.value,)),
        NotBefore("ship_date", "order_date"),
        *(UniqueTogether((name,)) for name in IDENTIFIER_COLUMNS),
        UniqueTogether(("line_number",)),
    ),
)

RESPONSE_DETAIL = RecordSchema(
    "generic_response",
    "D record of a Device Enrolment Response",
    (
        _record_type("D"),
        Column("line_number", "Line number", "Position of the record in the file, from 1", "1", Kind.INTEGER, True),
        Column(
            "level",
            "Level",
            "What the result is about; the device's own result decides",
            "DEVICE",
            Kind.CHOICE,
            True,
            choices=tuple(Level),
        ),
        Column(
            "order_id",
            "Order",
            "Order number as in the request",
            "SO-1001",
            pattern=_KEY,
            max_length=ORDER_NUMBER_LENGTH,
        ),
        Column("delivery_number", "Delivery", "Delivery number as in the request", "DL-1", pattern=_KEY, max_length=32),
        Column(
            "device_id",
            "Device id",
            "The first identifier the request gave, in the order serial number, IMEI, MEID, MAC",
            "C02XK1AAJG5H",
            max_length=40,
        ),
        Column("outcome", "Outcome", "What happened", "ENROLLED", Kind.CHOICE, True, choices=tuple(Outcome)),
        Column("provider_code", "Provider code", "The provider's own code", "DE-4301", max_length=100),
        Column("message", "Message", "The provider's own text", "Device id invalid", max_length=1000),
    ),
    (
        RequiredWhen("order_id", "level", (Level.ORDER.value, Level.DELIVERY.value, Level.DEVICE.value)),
        RequiredWhen("delivery_number", "level", (Level.DELIVERY.value,)),
        RequiredWhen("device_id", "level", (Level.DEVICE.value,)),
        EmptyWhen("device_id", "level", (Level.FILE.value, Level.ORDER.value, Level.DELIVERY.value)),
        UniqueTogether(("line_number",)),
    ),
)

TRAILER = RecordSchema(
    "generic_trailer",
    "T record",
    (
        _record_type("T"),
        Column("record_count", "Record count", "Number of D records", "1000", Kind.INTEGER, True),
        Column(
            "order_count",
            "Order count",
            "Number of different order_id values in the D records",
            "17",
            Kind.INTEGER,
            True,
        ),
        Column(
            "hash_total",
            "Hash total",
            "Sum of the CRC-32 of each D record's device id, decimal",
            "2146385713",
            Kind.INTEGER,
            True,
        ),
        Column(
            "detail_sha256",
            "Detail SHA-256",
            "SHA-256 of all D records with their line ends, lower-case hex",
            "e3b0c442…",
            required=True,
            pattern="[0-9a-f]{64}",
            max_length=64,
        ),
    ),
)

DETAIL_OF = {Interface.REQUEST: REQUEST_DETAIL, Interface.RESPONSE: RESPONSE_DETAIL}
