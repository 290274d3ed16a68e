"""The response as CMP-style JSON (Device Enrolment Response 1.0), as `inboundDeviceEnrolment` takes it.

One order per document (providers.md 5.2). The published schema ends inside the devices; a
device here has `deviceId`, `outcome` and `errors[]`, and `batchNumber` names the batch. The
result is the same table as a generic response file's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from formats.enrolment import Level, Outcome
from formats.findings import Finding
from formats.generic.layout import RESPONSE_DETAIL, Interface
from formats.generic.model import GenericFormatError, Header, Read
from formats.generic.totals import totals_of
from formats.judge import judge

_CONSTANTS = {"interfaceCategory": "Device Enrolment", "interfaceType": Interface.RESPONSE.value}
_VERSION = 1.0

Record = dict[str, str | None]


def read(data: bytes) -> Read:
    """Raises GenericFormatError. A JSON answer has no sequence number (0) and no trailer."""
    document = _document(data)
    records = [*_records(document["order"])]
    for number, record in enumerate(records, 1):
        record |= {"record_type": "D", "line_number": str(number)}
    columns = [pa.array([record.get(name) for record in records], pa.string()) for name in RESPONSE_DETAIL.names]
    details = pa.table(columns, schema=RESPONSE_DETAIL.arrow())
    found = judge(RESPONSE_DETAIL, details).findings.to_pylist()
    findings = [Finding(item["code"], item["row"], item["column"]) for item in found]
    totals = totals_of(Interface.RESPONSE, details, hashlib.sha256(data).digest())
    return Read(_header(document), totals, details, findings)


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise GenericFormatError([Finding("FILE_ENCODING")]) from None
    except (json.JSONDecodeError, RecursionError):
        raise GenericFormatError([Finding("FILE_UNREADABLE")]) from None
    wrong = not isinstance(document, dict) or any(document.get(key) != value for key, value in _CONSTANTS.items())
    if wrong or document.get("version") != _VERSION or not isinstance(document.get("order"), dict):
        raise GenericFormatError([Finding("GENERIC_HEADER")])
    return dict(document)


def _header(document: Mapping[str, Any]) -> Header:
    try:
        moment = datetime.fromisoformat(str(document["extractLoadDateTime"])).astimezone(UTC)
        return Header(
            interface=Interface.RESPONSE,
            identifier=0,
            batch_number=str(document["batchNumber"]),
            sequence=0,
            provider_id=str(document["deviceEnrolmentProviderId"]),
            batch_date_time=moment,
            extract_date_time=moment,
            external_file_name=str(document.get("externalFileName", "")),
        )
    except (KeyError, ValueError):
        raise GenericFormatError([Finding("GENERIC_HEADER")]) from None


def _records(order: Mapping[str, Any]) -> Iterator[Record]:
    """Device records, then the order's own errors."""
    order_id = str(order.get("id", ""))
    for device in _objects(order, "devices"):
        errors = _objects(device, "errors")
        outcome = str(device.get("outcome") or (Outcome.REJECTED if errors else ""))
        yield {
            "level": Level.DEVICE.value,
            "order_id": order_id,
            "device_id": str(device.get("deviceId", "")) or None,
            "outcome": outcome or None,
            **_error(errors),
        }
    errors = _objects(order, "errors")
    if errors:
        yield {"level": Level.ORDER.value, "order_id": order_id, "outcome": Outcome.ERROR.value, **_error(errors)}


def _error(errors: list[dict[str, Any]]) -> Record:
    """The first error's code decides; all texts are kept for people."""
    if not errors:
        return {}
    texts = "; ".join(str(error.get("errorMessage", "")) for error in errors)
    return {"provider_code": str(errors[0].get("id", ""))[:100] or None, "message": texts[:1000] or None}


def _objects(parent: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """A list of objects; a single object counts as a list of one (providers.md 1.3)."""
    value = parent.get(key) or []
    listed = [value] if isinstance(value, dict) else value
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise GenericFormatError([Finding("GENERIC_RECORD", None, key)])
    return listed
