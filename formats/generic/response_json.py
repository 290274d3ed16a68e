"""The response as CMP-style JSON (Device Enrolment Response 1.0), as `inboundDeviceEnrolment` takes it.

One order per document (providers.md 5.2). The published schema ends inside the devices; a
device here has `deviceId`, `outcome` and `errors[]`, and `batchNumber` names the batch. The
result is the same table as a generic response file's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from formats import json_text
from formats.enrolment import Level, Outcome
from formats.findings import Finding
from formats.generic.layout import HEADER, RESPONSE_DETAIL, Interface
from formats.generic.model import GenericFormatError, Header, Read
from formats.generic.totals import totals_of
from formats.judge import judge
from formats.schema import RecordSchema

_CONSTANTS = {"interfaceCategory": "Device Enrolment", "interfaceType": Interface.RESPONSE.value}
_VERSION = 1.0
_NAMED = RecordSchema("response_json", "Response JSON", (HEADER.column("batch_number"), HEADER.column("provider_id")))

Record = dict[str, str | None]


def read(data: bytes) -> Read:
    """Raises GenericFormatError. A JSON answer has no sequence number (0) and no trailer.

    Rows are counted as in a response file: the first record is row 2.
    """
    document = _document(data)
    records = [*_records(document["order"])]
    for number, record in enumerate(records, 1):
        record |= {"record_type": "D", "line_number": str(number)}
    columns = [pa.array([record.get(name) for record in records], pa.string()) for name in RESPONSE_DETAIL.names]
    details = pa.table(columns, schema=RESPONSE_DETAIL.arrow())
    rows = pa.array(range(2, len(records) + 2), pa.int64())
    found = judge(RESPONSE_DETAIL, details, rows).findings.to_pylist()
    findings = [Finding(item["code"], item["row"], item["column"]) for item in found]
    return Read(_header(document), totals_of(Interface.RESPONSE, details, data), details, findings)


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json_text.parse(data)
    except UnicodeDecodeError:
        raise GenericFormatError([Finding("FILE_ENCODING")]) from None
    except ValueError:
        raise GenericFormatError([Finding("FILE_UNREADABLE")]) from None
    wrong = not isinstance(document, dict) or any(document.get(key) != value for key, value in _CONSTANTS.items())
    if wrong or document.get("version") != _VERSION or document["version"] is True:
        raise GenericFormatError([Finding("GENERIC_HEADER")])
    if not isinstance(document.get("order"), dict):
        raise GenericFormatError([Finding("GENERIC_HEADER", None, "order")])
    return dict(document)


def _header(document: Mapping[str, Any]) -> Header:
    moment = _moment(document)
    batch_number = _text(document, "batchNumber", "GENERIC_HEADER")
    provider_id = _text(document, "deviceEnrolmentProviderId", "GENERIC_HEADER")
    named = pa.table([[batch_number or None], [provider_id or None]], schema=_NAMED.arrow())
    wrong = judge(_NAMED, named).findings.to_pylist()
    if wrong:
        raise GenericFormatError([Finding("GENERIC_HEADER", None, item["column"]) for item in wrong])
    return Header(
        interface=Interface.RESPONSE,
        identifier=0,
        batch_number=batch_number,
        sequence=0,
        provider_id=provider_id,
        batch_date_time=moment,
        extract_date_time=moment,
        external_file_name=_text(document, "externalFileName", "GENERIC_HEADER"),
    )


def _moment(document: Mapping[str, Any]) -> datetime:
    """In UTC; a date-time without offset is one in UTC already."""
    try:
        read = datetime.fromisoformat(_text(document, "extractLoadDateTime", "GENERIC_HEADER"))
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise GenericFormatError([Finding("GENERIC_HEADER", None, "extractLoadDateTime")]) from None


def _records(order: Mapping[str, Any]) -> Iterator[Record]:
    """Device records, then the order's own errors."""
    order_id = _text(order, "id") or None
    for device in _objects(order, "devices"):
        errors = _objects(device, "errors")
        outcome = _text(device, "outcome") or (Outcome.REJECTED.value if errors else None)
        yield {
            "level": Level.DEVICE.value,
            "order_id": order_id,
            "device_id": _text(device, "deviceId") or None,
            "outcome": outcome,
            **_error(errors),
        }
    errors = _objects(order, "errors")
    if errors:
        yield {"level": Level.ORDER.value, "order_id": order_id, "outcome": Outcome.ERROR.value, **_error(errors)}


def _error(errors: list[dict[str, Any]]) -> Record:
    """The first error's code decides; all texts are kept for people."""
    if not errors:
        return {}
    texts = "; ".join(text for error in errors if (text := _text(error, "errorMessage")))
    return {"provider_code": _text(errors[0], "id")[:100] or None, "message": texts[:1000] or None}


def _text(item: Mapping[str, Any], key: str, code: str = "GENERIC_RECORD") -> str:
    """A text or whole number; empty where it is not given."""
    try:
        return json_text.cell(item.get(key)) or ""
    except ValueError:
        raise GenericFormatError([Finding(code, None, key)]) from None


def _objects(parent: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects; a single object counts as a list of one (providers.md 1.3)."""
    value = parent.get(key) or []
    listed = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise GenericFormatError([Finding("GENERIC_RECORD", None, key)])
    return listed
